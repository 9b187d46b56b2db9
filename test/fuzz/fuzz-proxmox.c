/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a Proxmox host answers, and proxmox.json. An input that begins with 'c' is the file, any
 * other one the answer, after a first character that says who we are. An accepted answer holds
 * memory that makes sense; whatever is refused, no message holds the token.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <unistd.h>

#include "run/proxmox.h"

static const struct h0_pve_self selves[] = {{"halo", -1}, {"halo", 102}, {NULL, -1}, {"", 0}};

static void answer(const char *p, size_t n)
{
	struct h0_pve_summary s;
	struct h0_err e = {0};
	const struct h0_pve_self *self = &selves[(unsigned char)*p % H0_ARRAY_LEN(selves)];
	if (h0_pve_parse(p + 1, n - 1, self, &s, &e) < 0) {
		H0_ASSERT(e.kind == H0_EXTERN && e.msg[0]);
		return;
	}
	H0_ASSERT(s.mem_total > 0 && s.mem_used >= 0 && s.mem_used <= s.mem_total);
	H0_ASSERT(s.cpu_percent == -1 || (s.cpu_percent >= 0 && s.cpu_percent <= 100));
	H0_ASSERT(s.nodes >= 1 && s.running >= 0 && s.running <= s.tenants);
	H0_ASSERT(memchr(s.node, '\0', sizeof s.node));
}

static bool printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static void file(const char *p, size_t n)
{
	static char path[64];
	struct h0_pve_config c = {0};
	struct h0_err e = {0};
	bool there = false;
	h0_autojson struct h0_json *j = NULL;
	if (!*path)
		snprintf(path, sizeof path, "%s/hal0-fuzz-pve.%d",
		         access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
	h0_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	int rc = h0_pve_config_load(path, &c, &there, &e);
	unlink(path);
	if (rc == 0) {
		H0_ASSERT(there && *c.host && c.port > 0 && c.port < 65536 && *c.token_value);
		/* nothing that could end a header or a URL */
		H0_ASSERT(printable(c.host) && !strpbrk(c.host, " /@?#"));
		H0_ASSERT(printable(c.user) && printable(c.token_name) && printable(c.token_value));
		h0_pve_config_wipe(&c);
		return;
	}
	H0_ASSERT(e.msg[0]);
	if (h0_json_parse(p, n, "fuzz", &j, NULL) < 0)
		return;
	const char *token = h0_json_str(h0_json_get(h0_json_get(j, "auth"), "token_value"));
	H0_ASSERT(!token || strlen(token) < 12 || !strstr(e.msg, token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	if (size && *p == 'c')
		file(p + 1, size - 1);
	else if (size)
		answer(p, size);
	return 0;
}

static const char *const fuzz_words[] = {
	"{", "}", "[", "]", ":", ",", "\"", "null", "true", "0", "-1", "1e999", "9223372036854775807",
	"\"data\": [", "\"type\": \"node\"", "\"type\": \"lxc\"", "\"node\": \"pve\"", "\"maxmem\": ",
	"\"mem\": ", "\"cpu\": 0.5", "\"vmid\": 102", "\"name\": \"halo\"", "\"status\": \"running\"",
	"\"proxmox\": {", "\"auth\": {", "\"host\": ", "\"port\": ", "\"user\": \"root@pam\"",
	"\"token_name\": ", "\"token_value\": ", "\"verify_ssl\": false", "\"fingerprint\": ",
	"\\u000d\\u000a", "\\u0000", "\n", " ", "@", "/", NULL};

FUZZ_TARGET("proxmox", 50000)
