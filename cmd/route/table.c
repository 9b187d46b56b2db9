/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "box.h"

static void add_row(struct h0_rec *rec, struct route_box *b, const struct h0_endpoint *ep)
{
	struct h0_route_ask ask = {.slots = &b->slots, .path = ep->path,
		/* this one wants a model named; any that nobody has shows the default */
		.model = ep->ask == H0_ASK_TRANSCRIPTION ? "whisper" : NULL};
	h0_autoroute struct h0_route r = {0};
	struct h0_err why = {0};
	route_box_look(b, &ask);
	bool found = h0_route_find(&ask, &r, &why) == 0;
	h0_rec_row(rec);
	h0_rec_str(rec, TABLE_PATH, ep->path);
	h0_rec_str(rec, TABLE_METHOD, ep->method);
	h0_rec_str(rec, TABLE_HELP, ep->help);
	if (ep->ask != H0_ASK_LOCAL)
		h0_rec_str(rec, TABLE_TYPE, h0_type_names[ep->type]);
	if (!found)
		h0_rec_str(rec, TABLE_NOTE, why.msg);
	else if (ep->missing)
		h0_rec_str(rec, TABLE_NOTE, ep->missing);
	if (!found || !r.slot)
		return;
	h0_rec_str(rec, TABLE_SLOT, r.slot->name);
	h0_rec_int(rec, TABLE_PORT, r.port);
	h0_rec_str(rec, TABLE_RULE, r.rule);
	h0_rec_str(rec, TABLE_SENT, r.path);
}

/* It answers for the models it lists, whatever the path; nobody is asked for that here. */
static void add_upstream(struct h0_rec *rec, const struct h0_upstream *u)
{
	h0_autofree char *what = h0_asprintf("models that upstream %s lists and no slot has", u->name);
	h0_rec_row(rec);
	h0_rec_str(rec, TABLE_PATH, "*");
	h0_rec_str(rec, TABLE_RULE, "upstream");
	h0_rec_str(rec, TABLE_HELP, what);
	h0_rec_str(rec, TABLE_SENT, u->url);
	h0_rec_int(rec, TABLE_PORT, u->port);
}

int route_table(struct h0_ctx *ctx, const void *opts, struct h0_err *e)
{
	route_autobox struct route_box b = {0};
	(void)opts;
	if (route_box_open(&b, e) < 0)
		return -1;
	struct h0_rec *rec = h0_rec_new(route_table_cols);
	for (size_t i = 0; i < h0_nendpoints; i++)
		add_row(rec, &b, &h0_endpoints[i]);
	for (size_t i = 0; i < b.upstreams.n; i++)
		add_upstream(rec, &b.upstreams.v[i]);
	int rc = h0_out_rec(ctx, rec, NULL, e);
	h0_rec_free(rec);
	return rc;
}
