/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/trial.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "model/port.h"
#include "run/facts.h"
#include "sys/loopback.h"
#include "sys/tree.h"

#define SUFFIX     "-trial"
#define ANSWER_MS  120000
#define ANSWER_MAX (4u << 20)

static bool bound(int port, const void *arg)
{
	(void)arg;
	return h0_loopback_bound(port);
}

int h0_trial_slot(const struct h0_box *b, const struct h0_slot *slot, const char *image,
                  struct h0_trial *ret, struct h0_err *e)
{
	const struct h0_snap_file *f = h0_snap_get(&b->snap, slot->file);
	struct h0_trial t = {0};
	int port;
	if (slot->device == H0_DEVICE_NPU) {
		h0_fail(e, H0_CONFLICT, "slot %s cannot be tried beside itself: the NPU takes one at a time",
		        slot->name);
		return h0_err_code(e, "slot.npu_exclusivity_violation");
	}
	if (h0_port_pick(&b->slots, bound, NULL, &port, e) < 0)
		return -1;
	h0_slot_parse(slot->file, f->text, f->len, &t.slot);
	int room = H0_NAME_MAX - (int)strlen(SUFFIX);
	snprintf(t.slot.name, sizeof t.slot.name, "%.*s" SUFFIX, room, slot->name);
	t.slot.port = port;
	t.slot.is_default = false;
	t.slot.image = image;
	*ret = t;
	return 0;
}

void h0_trial_done(struct h0_trial *t)
{
	h0_slot_done(&t->slot);
	h0_buf_done(&t->answer);
}

/* ---- the question ---- */

static const char *body_of(enum h0_slot_type type, const char **ret_path)
{
	switch (type) {
	case H0_TYPE_LLM:
		*ret_path = "/v1/chat/completions";
		return "{\"messages\":[{\"role\":\"user\",\"content\":\"What is the capital of France? "
		       "Answer with one word.\"}],\"max_tokens\":96,\"temperature\":0}";
	case H0_TYPE_EMBEDDING:
		*ret_path = "/v1/embeddings";
		return "{\"input\":\"the capital of France\"}";
	case H0_TYPE_RERANKING:
		*ret_path = "/v1/rerank";
		return "{\"query\":\"capital of France\",\"documents\":[\"Paris\",\"a spoon\"]}";
	default:
		return NULL;
	}
}

static void add_text(struct h0_buf *out, const struct h0_json *j)
{
	h0_buf_adds(out, h0_json_str(j) ? h0_json_str(j) : "");
}

/* The vector's first numbers; nothing when all of it is zero. */
static void add_vector(struct h0_buf *out, const struct h0_json *v)
{
	bool any = false;
	for (size_t i = 0; i < h0_json_len(v); i++)
		any = any || h0_json_num(h0_json_at(v, i), 0) != 0;
	for (size_t i = 0; any && i < h0_json_len(v) && i < 4; i++)
		h0_buf_addf(out, "%s%g", i ? ", " : "", h0_json_num(h0_json_at(v, i), 0));
}

static void read_answer(enum h0_slot_type type, const struct h0_json *j, struct h0_buf *out)
{
	if (type == H0_TYPE_LLM) {
		const struct h0_json *choice = h0_json_at(h0_json_get(j, "choices"), 0);
		const struct h0_json *message = h0_json_get(choice, "message");
		add_text(out, h0_json_get(message, "reasoning_content"));
		add_text(out, h0_json_get(message, "content"));
	} else if (type == H0_TYPE_EMBEDDING) {
		add_vector(out, h0_json_get(h0_json_at(h0_json_get(j, "data"), 0), "embedding"));
	} else if (h0_json_len(h0_json_get(j, "results")) == 2) {
		h0_buf_adds(out, "ranked");
	}
}

int h0_trial_ask(const struct h0_box *b, struct h0_http_client *http, const struct h0_slot *slot,
                 struct h0_buf *ret, struct h0_err *e)
{
	const char *path = NULL, *body = body_of(slot->type, &path);
	h0_autohttp struct h0_http_res res = {0};
	h0_autojson struct h0_json *j = NULL;
	if (!body)
		return 0;
	h0_autofree char *url = h0_asprintf("http://127.0.0.1:%d%s", slot->port, path);
	char key[H0_SLOT_KEY];
	h0_slot_key_try(&b->paths, slot->name, key);
	h0_autofree char *auth = *key ? h0_asprintf("Authorization: Bearer %s", key) : NULL;
	const char *const headers[] = {"Content-Type: application/json", auth, NULL};
	const struct h0_http_req req = {
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = strlen(body),
		.timeout_ms = ANSWER_MS,
		.max_body = ANSWER_MAX,
		.fresh = true,
	};
	if (h0_http_do(http, &req, &res, e) < 0)
		return h0_wrap(e, "asked at %s", path);
	if (res.status != 200)
		return h0_fail(e, H0_EXTERN, "asked at %s it answers %d: %.200s", path, res.status,
		               h0_buf_str(&res.body));
	if (h0_json_parse(h0_buf_str(&res.body), res.body.len, "", &j, NULL) == 0)
		read_answer(slot->type, j, ret);
	return ret->len ? 0 : h0_fail(e, H0_EXTERN, "asked at %s it says nothing", path);
}

bool h0_trial_knows(const struct h0_buf *answer)
{
	return strcasestr(h0_buf_str(answer), "paris");
}

/* ---- the run ---- */

static int clear_away(struct h0_box *b, const struct h0_trial *t, struct h0_err *e)
{
	char run_dir[1200], log[1200];
	struct h0_outcome ended;
	if (h0_life_stop(b, t->slot.name, t->slot.port, 1, &ended, e) < 0)
		return h0_wrap(e, "the trial's container %s%s stays", H0_CONTAINER_PREFIX, t->slot.name);
	h0_slot_dirs(&b->paths, t->slot.name, run_dir, log);
	*strrchr(log, '/') = '\0';
	h0_remove_tree(run_dir, NULL);
	h0_remove_tree(log, NULL);
	h0_slot_key_forget(&b->paths, t->slot.name);
	return 0;
}

int h0_trial_run(struct h0_box *b, struct h0_http_client *http, const struct h0_wait *wait,
                 struct h0_trial *t, struct h0_err *e)
{
	struct h0_outcome outcome;
	if (clear_away(b, t, e) < 0) /* of one that was killed */
		return -1;
	int rc = h0_life_start(b, &t->slot, &(struct h0_how){.wait = wait}, &outcome, e);
	if (rc == 0 && outcome.interrupted) {
		rc = h0_fail(e, H0_EXTERN, "interrupted");
		if (e)
			e->sys_errno = EINTR;
	}
	if (rc == 0)
		rc = h0_trial_ask(b, http, &t->slot, &t->answer, e);
	if (clear_away(b, t, rc == 0 ? e : NULL) < 0)
		rc = -1;
	return rc;
}
