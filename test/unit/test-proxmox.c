/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/proxmox.h"
#include "tap.h"

static struct h0_pve_summary sum;

static int parse(const char *text, const char *hostname, int64_t vmid)
{
	struct h0_pve_self self = {hostname, vmid};
	struct h0_err e = {0};
	int rc = h0_pve_parse(text, strlen(text), &self, &sum, &e);
	return rc < 0 ? -(int)e.kind : 0;
}

#define NODE(n) "{\"type\":\"node\",\"node\":\"" n "\",\"maxmem\":1000,\"mem\":400,\"cpu\":0.5}"
#define GUEST(n, id, name) \
	"{\"type\":\"lxc\",\"node\":\"" n "\",\"vmid\":" id ",\"name\":\"" name "\",\"status\":\"running\"}"
#define DATA(x) "{\"data\":[" x "]}"

static void nodes(void)
{
	is_int(parse(DATA(NODE("a")), "me", -1), 0, "one node is the node");
	ok(sum.mem_total == 1000 && sum.mem_used == 400 && sum.cpu_percent == 50, "its memory and load");
	is_int(parse(DATA(NODE("a") "," NODE("b") "," GUEST("b", "7", "ME")), "me", -1), 0, "by name");
	is_str(sum.node, "b", "the node of our guest");
	is_int(parse(DATA(GUEST("a", "7", "me") "," GUEST("b", "8", "me") "," NODE("a") "," NODE("b")),
	             "me", -1), -H0_EXTERN, "two guests of our name");
	is_int(parse(DATA(GUEST("a", "7", "me") "," GUEST("b", "8", "me") "," NODE("a") "," NODE("b")),
	             "me", 8), 0, "the number decides");
	is_str(sum.node, "b", "its node");
	is_int(parse(DATA(NODE("a") "," NODE("me")), "me", -1), 0, "we are the host");
	is_str(sum.node, "me", "itself");
	is_int(parse(DATA(NODE("a") "," NODE("b")), "me", -1), -H0_EXTERN, "nobody knows us");
}

static void nonsense(void)
{
	static const char *const bad[] = {
		"", "{", "[]", "{}", "{\"data\":{}}", "{\"data\":[]}", "{\"data\":[1,null,\"x\",[]]}",
		DATA("{\"type\":\"node\"}"), DATA("{\"type\":\"node\",\"maxmem\":-1,\"mem\":1}"),
		DATA("{\"type\":\"node\",\"maxmem\":\"9\",\"mem\":1}"),
		DATA("{\"type\":\"node\",\"maxmem\":1e300,\"mem\":1}"),
		DATA("{\"type\":\"node\",\"maxmem\":10,\"mem\":11}"), DATA("{\"type\":7,\"node\":[]}"),
		DATA("{\"type\":\"node\",\"maxmem\":0,\"mem\":0}"),
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		is_int(parse(bad[i], "me", -1), -H0_EXTERN, bad[i]);
}

/* One byte of a good answer changed: any verdict, but no crash. */
static void fuzz(void)
{
	static const char good[] = DATA(NODE("a") "," NODE("b") "," GUEST("b", "7", "me"));
	char text[sizeof good];
	unsigned seed = 1;
	for (int i = 0; i < 20000; i++) {
		memcpy(text, good, sizeof good);
		for (int k = 0; k < 1 + i % 3; k++) {
			seed = seed * 1664525u + 1013904223u;
			text[(seed >> 8) % (sizeof good - 1)] = (char)(1 + (seed >> 24) % 255);
		}
		parse(text, "me", i % 2 ? 7 : -1);
	}
	ok(true, "20000 damaged answers");
}

int main(void)
{
	nodes();
	nonsense();
	fuzz();
	return tap_done();
}
