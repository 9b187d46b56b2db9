/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The Proxmox host we run on, asked through its API with the token of /etc/hal0/proxmox.json:
 *   {"proxmox": {"host", "port", "verify_ssl", "ca_file", "fingerprint", "service"},
 *    "auth": {"user", "token_name", "token_value"}}
 * TLS is verified: against the system's authorities, ca_file, or the certificate's SHA-256
 * fingerprint as Proxmox shows it ("AB:CD:..."); only "verify_ssl": false switches that off.
 * The token is in the request's header and nowhere else: no message, no JSON, no argv; it is
 * wiped after use. A file that others can read is refused.
 */
#ifndef H0_RUN_PROXMOX_H
#define H0_RUN_PROXMOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "fmt/json.h"

struct h0_pve_config {
	char host[256];
	int port;
	bool verify;
	char ca_file[512], fingerprint[128];
	char user[128], token_name[128], token_value[256];
};

/* *ret_there false: no such file. H0_CONFIG (proxmox.config_invalid): readable by others, no JSON,
 * a key missing or malformed. The message never quotes the file. */
int h0_pve_config_load(const char *path, struct h0_pve_config *ret, bool *ret_there,
                       struct h0_err *e);
/* Overwrites the secret. */
void h0_pve_config_wipe(struct h0_pve_config *c);

/* How we are called there. */
struct h0_pve_self {
	const char *hostname;
	int64_t vmid;               /* -1 = unknown */
};

struct h0_pve_summary {
	char node[128];             /* the one that hosts us */
	int64_t mem_total, mem_used; /* bytes */
	double cpu_percent;         /* -1 = not told */
	int nodes, tenants, running;
};

/* Asks, 3 s at most. H0_EXTERN: no answer, a bad certificate, refused, nonsense; or a cluster in
 * which no node can be told to host us. */
int h0_pve_fetch(const struct h0_pve_config *c, const struct h0_pve_self *self,
                 struct h0_pve_summary *ret, struct h0_err *e);
/* The part of it without network: the answer's text. */
int h0_pve_parse(const char *text, size_t len, const struct h0_pve_self *self,
                 struct h0_pve_summary *ret, struct h0_err *e);

#endif
