/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/flm.h"

#include <string.h>

#include "base/mem.h"
#include "model/npu.h"
#include "run/log.h"
#include "sys/durable.h"
#include "sys/io.h"

#define LIST_S    "5"      /* for flm list -j; it takes a fraction of one */
/* What it loads beside the chat model when it is told to. */
#define ASR_TAG   "whisper-v3:turbo"
#define EMBED_TAG "embed-gemma:300m"

/* A record of the NPU trio: whose server answers for it, and what that needs. */
static int never_by_itself(const struct h0_box *b, const struct h0_slot *s, struct h0_err *e)
{
	const struct h0_slot *anchor;
	if (h0_npu_trio(&b->slots, s, &anchor, e) < 0)
		return -1;
	h0_fail(e, H0_NO, "slot %s has no server of its own: that of slot %s, the NPU's, answers for it: "
	        "hal0 slot start %s", s->name, anchor->name, anchor->name);
	h0_err_detail(e, "anchor", "%s", anchor->name);
	return h0_err_code(e, "slot.spawn_failed");
}

int h0_flm_may_start(const struct h0_box *b, const struct h0_slot *slot, struct h0_err *e)
{
	return h0_slot_is_shadow(slot) ? never_by_itself(b, slot, e) : h0_npu_check(&b->slots, slot, true, e);
}

/* The driver gives the NPU to one program at a time, whoever's it is. */
static int check_free(const struct h0_box *b, const struct h0_slot *slot, const struct h0_ctrs *ctrs,
                      struct h0_err *e)
{
	for (size_t i = 0; i < ctrs->n; i++) {
		const struct h0_ctr *c = &ctrs->v[i];
		if (c->provider != H0_PROVIDER_FLM || !c->ours || h0_streq(c->slot, slot->name) || !h0_ctr_alive(c))
			continue;
		bool foreign = h0_live_foreign(b, c);
		h0_fail(e, H0_CONFLICT, "slot %s needs the NPU, and slot %s runs on it%s%s: hal0 slot stop %s",
		        slot->name, c->slot, foreign ? " for HAL0_HOME=" : "",
		        foreign ? c->home && c->home[0] ? c->home : "(unset)" : "", c->slot);
		h0_err_detail(e, "conflicting_slots[]", "%s", c->slot);
		h0_err_detail(e, "hint", "hal0 slot stop %s", c->slot);
		return h0_err_code(e, "slot.npu_exclusivity_violation");
	}
	return 0;
}

int h0_flm_admit(const struct h0_box *b, const struct h0_spec *s, const struct h0_ctrs *ctrs,
                 struct h0_err *e)
{
	if (s->plan.family != H0_PROVIDER_FLM)
		return 0;
	if (check_free(b, s->plan.slot, ctrs, e) < 0 || h0_spec_prepare(s, e) < 0)
		return -1;
	return h0_flm_check_models(&b->podman, s, e);
}

/* ---- its models ---- */

static bool goes_along(const struct h0_argv *a, const struct h0_argv_item *it)
{
	static const char *const flags[] = {"--runtime", "--cap-drop", "--security-opt", "--pids-limit",
		"--ulimit", "--env", "--user", "--group-add", NULL};
	const char *const *w = (const char *const *)&a->words.v[it->at];
	if (it->n == 2 && strcmp(w[0], "--volume") == 0) {
		h0_autofree char *from = h0_strndup(w[1], strcspn(w[1], ":"));
		return access(from, F_OK) == 0; /* a rehearsal makes no directories */
	}
	return h0_word_index(flags, w[0]) >= 0;
}

/* The slot's own command, as far as it says what the program sees, to run another verb. */
static void list_command(const struct h0_argv *a, struct h0_strv *ret)
{
	/* a program that is no FLM may take this for a reason to serve */
	static const char *const more[] = {"run", "--rm", "--pull=never", "--timeout", LIST_S, "--network",
		"none", NULL};
	h0_strv_add(ret, a->words.v[0]);
	for (size_t i = 0; i < a->n && a->items[i].at < a->server_at; i++) {
		const struct h0_argv_item *it = &a->items[i];
		const char *word = a->words.v[it->at];
		if (strcmp(word, "run") == 0)
			for (const char *const *m = more; *m; m++)
				h0_strv_add(ret, *m);
		else if (it->at + it->n == a->server_at)
			h0_strv_add(ret, word); /* the image */
		else if (goes_along(a, it))
			for (size_t w = 0; w < it->n; w++)
				h0_strv_add(ret, a->words.v[it->at + w]);
	}
	h0_strv_add(ret, "list");
	h0_strv_add(ret, "-j");
}

/* What the machine has, as FLM itself lists it. H0_EXTERN. */
static int read_list(const struct h0_podman *p, const struct h0_spec *s, struct h0_flm_list *ret,
                     struct h0_err *e)
{
	h0_autostrv struct h0_strv words = {0};
	h0_autospawned struct h0_spawned r = {0};
	list_command(&s->argv, &words);
	if (h0_podman_ask(p, "podman run", (const char *const *)words.v, &r, e) < 0)
		return -1;
	if (r.exit_code != 0)
		return h0_fail(e, H0_EXTERN, "flm list -j in %s: exit code %d: %.200s", s->plan.image, r.exit_code,
		               h0_buf_str(&r.err));
	return h0_flm_list_parse(h0_buf_str(&r.out), r.out.len, ret, e);
}

static int check_one(const struct h0_spec *s, const struct h0_flm_list *l, const char *name,
                     const char *key, struct h0_err *e)
{
	const struct h0_flm_model *m = h0_flm_list_get(l, name);
	if (m && m->installed)
		return 0;
	if (m) {
		h0_slot_fail(s->plan.slot, key, e, "%s is not on this machine, and FLM would download it: podman run "
		             "--rm -v %s:" H0_FLM_MODELS " %s pull %s", m->tag, s->data_dir, s->plan.image, m->tag);
		return h0_err_code(e, "model.path_missing");
	}
	const char *near = h0_flm_list_nearest(l, name);
	h0_slot_fail(s->plan.slot, key, e, "the FLM of %s knows no model '%s'%s%s%s", s->plan.image, name,
	             near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
	return h0_err_code(e, "model.not_found");
}

int h0_flm_check_models(const struct h0_podman *p, const struct h0_spec *s, struct h0_err *e)
{
	const struct h0_slot *slot = s->plan.slot;
	h0_autoflmlist struct h0_flm_list l = {0};
	struct h0_err why = {0};
	if (s->plan.family != H0_PROVIDER_FLM || read_list(p, s, &l, &why) < 0 || !l.n)
		return 0;
	if (check_one(s, &l, slot->model, "model.default", e) < 0)
		return -1;
	/* a version that calls these otherwise is not to be stopped */
	if (slot->npu_asr && h0_flm_list_get(&l, ASR_TAG) && check_one(s, &l, ASR_TAG, "npu.asr", e) < 0)
		return -1;
	bool embed = slot->npu_embed && h0_flm_list_get(&l, EMBED_TAG);
	return embed ? check_one(s, &l, EMBED_TAG, "npu.embed", e) : 0;
}

/* The slot as it would be run, where its image is there to be asked. -1 without a reason: whatever
 * else is wrong with it is not for here. */
static int spec_to_ask(struct h0_box *b, const struct h0_slot *slot, struct h0_spec *ret)
{
	bool there = false;
	if (h0_box_profiles(b, NULL) < 0 ||
	    h0_spec_make_anywhere(&b->paths, &b->snap, &b->profiles, &b->podman, slot, ret, NULL) < 0 ||
	    ret->plan.family != H0_PROVIDER_FLM ||
	    h0_podman_image_exists(&b->podman, ret->plan.image, &there, NULL) < 0)
		return -1;
	return there ? 0 : -1;
}

int h0_flm_check_slot(struct h0_box *b, const char *name, struct h0_err *e)
{
	h0_autospec struct h0_spec s = {0};
	const struct h0_slot *slot = h0_slots_get(&b->slots, name);
	if (!slot || slot->broken || slot->device != H0_DEVICE_NPU || h0_slot_is_shadow(slot) || !slot->model[0])
		return 0;
	return spec_to_ask(b, slot, &s) < 0 ? 0 : h0_flm_check_models(&b->podman, &s, e);
}

int h0_flm_tell(struct h0_box *b, const char *model, char *dst, size_t size)
{
	h0_autospec struct h0_spec s = {0};
	h0_autoflmlist struct h0_flm_list l = {0};
	const struct h0_slot *anchor = h0_npu_anchor(&b->slots);
	if (!anchor || anchor->broken || spec_to_ask(b, anchor, &s) < 0 ||
	    read_list(&b->podman, &s, &l, NULL) < 0)
		return -1;
	const struct h0_flm_model *m = h0_flm_list_get(&l, model);
	const char *near = m ? NULL : h0_flm_list_nearest(&l, model);
	if (m)
		snprintf(dst, size, "FLM calls it %s%s", m->tag, m->installed ? ", and it is on this machine"
		                                                               : ", and it is not on this machine");
	else
		snprintf(dst, size, "FLM knows no such model%s%s%s", near ? " (did you mean " : "", near ? near : "",
		         near ? "?)" : "");
	return 0;
}

int h0_flm_check_loaded(const char *log_path, const char *slot, struct h0_err *e)
{
	h0_autobuf struct h0_buf log = {0};
	if (h0_log_tail(log_path, 200, &log, NULL) < 0)
		return 0;
	const char *line = strstr(h0_buf_str(&log), "Failed to load default model");
	if (!line)
		return 0;
	h0_fail(e, H0_EXTERN, "slot %s did not start: FLM says: %.*s", slot, (int)strcspn(line, "\n"), line);
	return h0_err_code(e, "slot.health_failed");
}

/* ---- what runs, for who cannot ask podman ---- */

#define NOTE "npu" /* in the slot's directory below /run/hal0 */

int h0_flm_note(const struct h0_spec *s, struct h0_err *e)
{
	const struct h0_slot *slot = s->plan.slot;
	h0_autofree char *path = h0_asprintf("%s/" NOTE, s->run_dir);
	h0_autofree char *text = h0_asprintf("embed=%d asr=%d\n", slot->npu_embed, slot->npu_asr);
	if (s->plan.family != H0_PROVIDER_FLM)
		return 0;
	return h0_durable_write(path, text, strlen(text), 0644, e);
}

unsigned h0_flm_noted_without(const struct h0_paths *paths, const char *slot)
{
	char run_dir[1200], log_path[1200];
	int embed, asr;
	h0_autobuf struct h0_buf text = {0};
	h0_slot_dirs(paths, slot, run_dir, log_path);
	h0_autofree char *path = h0_asprintf("%s/" NOTE, run_dir);
	if (h0_read_file(path, 64, &text, NULL) < 0 || sscanf(h0_buf_str(&text), "embed=%d asr=%d", &embed, &asr) != 2)
		return 0;
	return (embed ? 0 : H0_TYPE_BIT(H0_TYPE_EMBEDDING)) | (asr ? 0 : H0_TYPE_BIT(H0_TYPE_TRANSCRIPTION));
}
