/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/proxmox.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "run/http.h"
#include "sys/secret.h"

#define FILE_MAX    65536
#define ANSWER_MAX  (8u << 20)
#define TIMEOUT_MS  3000
#define MEMORY_MAX  (1LL << 50)

static int invalid(struct h0_err *e, const char *path, const char *fmt, ...) H0_PRINTF(3, 4);
static int invalid(struct h0_err *e, const char *path, const char *fmt, ...)
{
	char msg[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	h0_fail_at(e, path, 0, 0, NULL, "%s", msg);
	return h0_err_code(e, "proxmox.config_invalid");
}

/* A string that can stand in a URL or header: printable, no blanks. */
static bool take(const struct h0_json *obj, const char *key, char *dst, size_t size)
{
	const char *s = h0_json_str(h0_json_get(obj, key));
	if (!s || strlen(s) >= size)
		return false;
	for (const char *p = s; *p; p++)
		if (!isgraph((unsigned char)*p))
			return false;
	snprintf(dst, size, "%s", s);
	return true;
}

static bool host_ok(const char *s)
{
	return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]")];
}

static int read_private(const char *path, struct h0_buf *text, bool *ret_there, struct h0_err *e)
{
	struct h0_err why = {0};
	int rc = h0_secret_read(path, FILE_MAX, text, &why);
	*ret_there = rc == 0 || (why.sys_errno != ENOENT && why.sys_errno != ENOTDIR);
	if (rc == 0 || !*ret_there)
		return 0;
	if (why.kind == H0_CONFIG)
		h0_err_code(&why, "proxmox.config_invalid");
	if (e)
		*e = why;
	return -1;
}

static int fill(const char *path, const struct h0_json *j, struct h0_pve_config *c,
                struct h0_err *e)
{
	const struct h0_json *p = h0_json_get(j, "proxmox"), *a = h0_json_get(j, "auth");
	const struct h0_json *ca = h0_json_get(p, "ca_file"), *print = h0_json_get(p, "fingerprint");
	if (!take(p, "host", c->host, sizeof c->host) || !host_ok(c->host))
		return invalid(e, path, "proxmox.host: a host name or address is needed");
	int64_t port = h0_json_int(h0_json_get(p, "port"), 8006);
	if (port < 1 || port > 65535)
		return invalid(e, path, "proxmox.port: 1 to 65535 is allowed");
	c->port = (int)port;
	c->verify = h0_json_bool(h0_json_get(p, "verify_ssl"), true);
	if (h0_json_type(ca) != H0_JSON_NULL && !take(p, "ca_file", c->ca_file, sizeof c->ca_file))
		return invalid(e, path, "proxmox.ca_file: the path of a PEM file is needed");
	if (h0_json_type(print) != H0_JSON_NULL &&
	    !take(p, "fingerprint", c->fingerprint, sizeof c->fingerprint))
		return invalid(e, path, "proxmox.fingerprint: 32 bytes in hex, AB:CD:..., are needed");
	if (!take(a, "user", c->user, sizeof c->user) || !strchr(c->user, '@'))
		return invalid(e, path, "auth.user: something like root@pam is needed");
	if (!take(a, "token_name", c->token_name, sizeof c->token_name) || !*c->token_name)
		return invalid(e, path, "auth.token_name is needed");
	if (!take(a, "token_value", c->token_value, sizeof c->token_value) || !*c->token_value)
		return invalid(e, path, "auth.token_value is needed");
	return 0;
}

void h0_pve_config_wipe(struct h0_pve_config *c)
{
	explicit_bzero(c, sizeof *c);
}

int h0_pve_config_load(const char *path, struct h0_pve_config *ret, bool *ret_there,
                       struct h0_err *e)
{
	h0_autosecret struct h0_buf text = {0};
	h0_autojson struct h0_json *j = NULL;
	struct h0_err why = {0};
	struct h0_pve_config c = {0};
	if (read_private(path, &text, ret_there, e) < 0)
		return -1;
	if (!*ret_there)
		return 0;
	/* the parser's own message may quote what stands there */
	if (h0_json_parse(h0_buf_str(&text), text.len, path, &j, &why) < 0) {
		h0_fail_at(e, path, why.line, why.col, NULL, "not valid JSON");
		return h0_err_code(e, "proxmox.config_invalid");
	}
	int rc = fill(path, j, &c, e);
	if (rc == 0)
		*ret = c;
	h0_pve_config_wipe(&c);
	return rc;
}

/* ---- the answer ---- */

static int nonsense(struct h0_err *e, const char *what)
{
	return h0_fail(e, H0_EXTERN, "Proxmox: %s", what);
}

static bool bytes_member(const struct h0_json *j, const char *key, int64_t *ret)
{
	double v = h0_json_num(h0_json_get(j, key), -1);
	if (!(v >= 0 && v <= (double)MEMORY_MAX))
		return false;
	*ret = (int64_t)v;
	return true;
}

static bool is_tenant(const char *type)
{
	return h0_streq(type, "lxc") || h0_streq(type, "qemu");
}

/* Is this entry us? By number where we know it, else by name. */
static bool is_us(const struct h0_json *entry, const struct h0_pve_self *self)
{
	const char *name = h0_json_str(h0_json_get(entry, "name"));
	if (self->vmid >= 0)
		return h0_json_int(h0_json_get(entry, "vmid"), -1) == self->vmid;
	return name && self->hostname && *self->hostname && strcasecmp(name, self->hostname) == 0;
}

struct count {
	const struct h0_json *node;  /* a node; the only one if nodes == 1 */
	const char *home;            /* of a tenant that is us */
	int nodes, tenants, running;
	bool ambiguous;
};

static void tally(const struct h0_json *data, const struct h0_pve_self *self, struct count *c)
{
	for (size_t i = 0; i < h0_json_len(data); i++) {
		const struct h0_json *x = h0_json_at(data, i);
		const char *type = h0_json_str(h0_json_get(x, "type"));
		const char *node = h0_json_str(h0_json_get(x, "node"));
		if (h0_streq(type, "node")) {
			c->nodes++;
			c->node = x;
			if (node && self->hostname && strcasecmp(node, self->hostname) == 0)
				c->home = c->home ? c->home : node; /* we are the host itself */
		}
		if (!is_tenant(type))
			continue;
		bool running = h0_streq(h0_json_str(h0_json_get(x, "status")), "running");
		c->tenants++;
		c->running += running;
		if (!node || !running || !is_us(x, self))
			continue;
		c->ambiguous |= c->home && strcmp(c->home, node) != 0;
		c->home = node;
	}
}

static const struct h0_json *node_named(const struct h0_json *data, const char *name)
{
	for (size_t i = 0; i < h0_json_len(data); i++) {
		const struct h0_json *x = h0_json_at(data, i);
		if (h0_streq(h0_json_str(h0_json_get(x, "type")), "node") &&
		    h0_streq(h0_json_str(h0_json_get(x, "node")), name))
			return x;
	}
	return NULL;
}

int h0_pve_parse(const char *text, size_t len, const struct h0_pve_self *self,
                 struct h0_pve_summary *ret, struct h0_err *e)
{
	h0_autojson struct h0_json *j = NULL;
	struct count c = {0};
	struct h0_pve_summary s = {.cpu_percent = -1};
	if (h0_json_parse(text, len, "answer", &j, NULL) < 0)
		return nonsense(e, "the answer is not JSON");
	const struct h0_json *data = h0_json_get(j, "data");
	if (h0_json_type(data) != H0_JSON_ARRAY)
		return nonsense(e, "the answer has no list of resources");
	tally(data, self, &c);
	if (c.ambiguous)
		return nonsense(e, "several nodes run a guest of our name");
	const struct h0_json *node = c.home ? node_named(data, c.home) : NULL;
	if (!node && c.nodes == 1)
		node = c.node;
	if (!node)
		return nonsense(e, c.nodes ? "no node of the cluster runs a guest of our name"
		                           : "the token sees no node; it needs PVEAuditor on /");
	if (!bytes_member(node, "maxmem", &s.mem_total) || !bytes_member(node, "mem", &s.mem_used) ||
	    s.mem_total <= 0 || s.mem_used > s.mem_total)
		return nonsense(e, "the node's memory is not told");
	const char *name = h0_json_str(h0_json_get(node, "node"));
	double cpu = h0_json_num(h0_json_get(node, "cpu"), -1);
	snprintf(s.node, sizeof s.node, "%s", name ? name : "");
	s.cpu_percent = cpu >= 0 && cpu <= 1 ? cpu * 100 : -1;
	s.nodes = c.nodes;
	s.tenants = c.tenants;
	s.running = c.running;
	*ret = s;
	return 0;
}

/* ---- asking ---- */

#define HEX_DIGITS 64

/* The 64 hex digits of a fingerprint however it is written, in lower case; false: it is none. */
static bool fingerprint_hex(const char *s, char ret[HEX_DIGITS + 1])
{
	int n = 0;
	for (; *s; s++) {
		if (*s == ':')
			continue;
		if (!isxdigit((unsigned char)*s) || n == HEX_DIGITS)
			return false;
		ret[n++] = (char)tolower((unsigned char)*s);
	}
	ret[n] = '\0';
	return n == HEX_DIGITS;
}

static int base64_value(char c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '+'             ? 62
	       : c == '/'             ? 63
	                              : -1;
}

/* The bytes between PEM's lines. */
static void pem_bytes(const char *pem, struct h0_buf *ret)
{
	const char *p = strstr(pem, "-----BEGIN");
	uint32_t bits = 0;
	int n = 0;
	p = p ? strchr(p, '\n') : NULL;
	for (; p && *p && *p != '-'; p++) {
		int v = base64_value(*p);
		if (v < 0)
			continue;
		bits = bits << 6 | (uint32_t)v;
		n += 6;
		if (n >= 8) {
			n -= 8;
			h0_buf_addc(ret, (char)(bits >> n & 0xff));
		}
	}
}

/* The server's certificate, if it is the one the fingerprint names. */
static int pinned(struct h0_http_client *http, const char *url, const char *fingerprint,
                  struct h0_buf *ret_pem, struct h0_err *e)
{
	char want[HEX_DIGITS + 1], got[H0_SHA256_TEXT];
	h0_autobuf struct h0_buf der = {0};
	if (!fingerprint_hex(fingerprint, want))
		return h0_fail(e, H0_CONFIG, "proxmox.fingerprint: 32 bytes in hex, AB:CD:..., are needed");
	if (h0_http_cert(http, url, TIMEOUT_MS, ret_pem, e) < 0)
		return -1;
	pem_bytes(ret_pem->p, &der);
	h0_sha256_of(h0_buf_str(&der), der.len, got);
	const char *hex = got + strlen("sha256:");
	if (strcmp(want, hex) == 0)
		return 0;
	return h0_fail(e, H0_EXTERN, "Proxmox shows another certificate than the fingerprint says: %s",
	               hex);
}

static int status_error(int status, struct h0_err *e)
{
	if (status == 401)
		return nonsense(e, "the token is refused (401): look at user, token_name and token_value");
	if (status == 403)
		return nonsense(e, "the token may not ask this (403): it needs the role PVEAuditor on /");
	return h0_fail(e, H0_EXTERN, "Proxmox answers with status %d", status);
}

int h0_pve_fetch(const struct h0_pve_config *c, const struct h0_pve_self *self,
                 struct h0_pve_summary *ret, struct h0_err *e)
{
	h0_autohttpclient struct h0_http_client *http = NULL;
	h0_autohttp struct h0_http_res res = {0};
	h0_autobuf struct h0_buf pem = {0};
	h0_autosecret struct h0_buf header = {0};
	char url[400];
	bool v6 = strchr(c->host, ':') && c->host[0] != '[';
	snprintf(url, sizeof url, "https://%s%s%s:%d/api2/json/cluster/resources", v6 ? "[" : "", c->host,
	         v6 ? "]" : "", c->port);
	if (h0_http_open(&http, e) < 0)
		return -1;
	if (*c->fingerprint && c->verify && pinned(http, url, c->fingerprint, &pem, e) < 0)
		return -1;
	h0_buf_room(&header, 1024);
	h0_buf_addf(&header, "Authorization: PVEAPIToken=%s!%s=%s", c->user, c->token_name,
	            c->token_value);
	const char *headers[] = {header.p, NULL};
	struct h0_http_req req = {
		.url = url, .headers = headers, .connect_timeout_ms = TIMEOUT_MS,
		.timeout_ms = TIMEOUT_MS, .max_body = ANSWER_MAX, .fresh = true,
		.unverified = !c->verify, .ca_file = *c->ca_file ? c->ca_file : NULL,
		.cert_pem = pem.len ? pem.p : NULL,
	};
	if (h0_http_do(http, &req, &res, e) < 0)
		return h0_wrap(e, "Proxmox");
	if (res.status != 200)
		return status_error(res.status, e);
	return h0_pve_parse(h0_buf_str(&res.body), res.body.len, self, ret, e);
}
