/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/hwdoc.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define MIB 20

/* Unknown is null, never 0. */
static void set_num(struct h0_json *o, const char *key, int64_t v)
{
	if (v == H0_UNKNOWN)
		h0_json_set_null(o, key);
	else
		h0_json_set_int(o, key, v);
}

static void set_shifted(struct h0_json *o, const char *key, int64_t bytes, int shift)
{
	set_num(o, key, bytes == H0_UNKNOWN ? H0_UNKNOWN : bytes >> shift);
}

static void set_text(struct h0_json *o, const char *key, const char *s)
{
	h0_json_set_str(o, key, s && *s ? s : NULL);
}

static void set_tri(struct h0_json *o, const char *key, enum h0_fact t)
{
	if (t == H0_FACT_UNKNOWN)
		h0_json_set_null(o, key);
	else
		h0_json_set_bool(o, key, t == H0_FACT_YES);
}

static void set_id(struct h0_json *o, const char *key, int64_t vendor, int64_t device)
{
	char text[16];
	snprintf(text, sizeof text, "%04x:%04x", (unsigned)(vendor & 0xffff),
	         (unsigned)(device & 0xffff));
	h0_json_set_str(o, key, vendor == H0_UNKNOWN || device == H0_UNKNOWN ? NULL : text);
}

static void set_revision(struct h0_json *o, int64_t revision)
{
	char text[8];
	snprintf(text, sizeof text, "%02x", (unsigned)(revision & 0xff));
	h0_json_set_str(o, "revision", revision == H0_UNKNOWN ? NULL : text);
}

static struct h0_json *node_json(const struct h0_node *n)
{
	if (!*n->path)
		return h0_json_new_null();
	struct h0_json *o = h0_json_object();
	h0_json_set_str(o, "path", n->path);
	h0_json_set_str(o, "access", h0_access_name(n->access));
	h0_json_set_str(o, "errno", n->err ? h0_errno_name(n->err) : NULL);
	set_num(o, "major", n->major);
	set_num(o, "minor", n->minor);
	set_num(o, "gid", n->gid);
	return o;
}

/* Name of the Vulkan driver as people write it. */
static const char *vk_driver(const struct h0_vk_dev *d)
{
	switch (d->driver_id) {
	case 1: return "amd-proprietary";
	case 2: return "amdvlk";
	case 3: return "radv";
	case 4: return "nvidia";
	case 6: return "anv";
	case 13: return "lavapipe";
	case 22: return "venus";
	case 23: return "dozen";
	case 24: return "nvk";
	default: return *d->driver_name ? d->driver_name : NULL;
	}
}

static void gpu_driver(struct h0_json *o, const struct h0_machine *m, const struct h0_mgpu *g)
{
	bool nvidia = strcmp(g->hw->driver, "nvidia") == 0;
	set_text(o, "driver", g->hw->driver);
	set_text(o, "driver_version", nvidia ? m->hw->nvidia.version : NULL);
	set_tri(o, "compute_capable",
	        h0_streq(g->vendor, "nvidia") ? (g->usable && nvidia ? H0_FACT_YES : H0_FACT_NO) : g->rocm);
	set_tri(o, "vulkan_capable",
	        g->vk                                     ? H0_FACT_YES
	        : m->hw->vulkan.status != H0_VK_OK        ? H0_FACT_UNKNOWN
	                                                  : H0_FACT_NO);
	set_text(o, "vulkan_driver", g->vk ? vk_driver(g->vk) : NULL);
	set_text(o, "vulkan_api", g->vk ? g->vk->api : NULL);
}

static struct h0_json *gpu_json(const struct h0_machine *m, const struct h0_mgpu *g)
{
	struct h0_json *o = h0_json_object();
	char path[64];
	h0_json_set_str(o, "pci", g->hw->addr);
	set_id(o, "pci_id", g->hw->vendor, g->hw->device);
	set_revision(o, g->hw->revision);
	h0_json_set_str(o, "vendor", g->vendor);
	h0_json_set_str(o, "name", g->name);
	set_text(o, "gfx", g->gfx);
	set_num(o, "gfx_target", g->hw->kfd.gfx_target);
	set_num(o, "compute_units", g->hw->kfd.simds > 0 ? g->hw->kfd.simds / 2 : H0_UNKNOWN);
	gpu_driver(o, m, g);
	set_shifted(o, "vram_mb", g->vram, MIB);
	set_shifted(o, "vram_mib", g->vram, MIB);
	set_num(o, "vram_bytes", g->vram);
	set_text(o, "vram_source", g->vram_source);
	set_shifted(o, "gtt_mib", g->gtt, MIB);
	set_num(o, "gtt_bytes", g->gtt);
	set_text(o, "gtt_source", g->gtt_source);
	set_num(o, "visible_vram_bytes", g->hw->vis_vram_total);
	set_tri(o, "uma", g->uma);
	h0_json_set_bool(o, "usable", g->usable);
	h0_json_set_bool(o, "primary", g->primary);
	set_text(o, "reason", g->reason);
	set_text(o, "detail", g->detail);
	set_text(o, "render_node", *g->hw->render ? g->hw->render_node.path : NULL);
	h0_json_set(o, "node", node_json(&g->hw->render_node));
	snprintf(path, sizeof path, "/sys/class/drm/%s/device", g->hw->card);
	h0_json_set_str(o, "drm_path", *g->hw->card ? path : NULL);
	set_num(o, "memory_bandwidth_gbs", g->gb_per_s);
	return o;
}

static struct h0_json *npu_json(const struct h0_machine *m)
{
	const struct h0_mnpu *n = &m->npu;
	struct h0_json *o = h0_json_object();
	h0_json_set_bool(o, "present", n->present);
	h0_json_set_bool(o, "usable", n->usable);
	set_text(o, "reason", n->reason);
	set_text(o, "detail", n->detail);
	h0_json_set_str(o, "vendor", n->present ? "amd" : "");
	h0_json_set_str(o, "name", n->present ? "AMD NPU (XDNA)" : "");
	h0_json_set_str(o, "driver", n->present ? n->hw->driver : "");
	set_text(o, "generation", n->generation);
	set_text(o, "pci", n->hw ? n->hw->addr : NULL);
	set_id(o, "pci_id", n->hw ? n->hw->vendor : H0_UNKNOWN, n->hw ? n->hw->device : H0_UNKNOWN);
	set_revision(o, n->hw ? n->hw->revision : H0_UNKNOWN);
	set_text(o, "fw", n->hw ? n->hw->fw : NULL);
	bool node = n->hw && *n->hw->node.path && n->hw->node.access != H0_ACCESS_ABSENT;
	set_text(o, "node", node ? n->hw->node.path : NULL);
	return o;
}

static struct h0_json *pools_json(const struct h0_mmem *mm)
{
	struct h0_json *a = h0_json_array();
	for (int i = 0; i < mm->npool; i++) {
		const struct h0_pool *p = &mm->pool[i];
		struct h0_json *o = h0_json_object();
		h0_json_set_str(o, "name", p->name);
		set_text(o, "gpu", p->gpu);
		set_text(o, "part_of", p->part_of);
		set_num(o, "capacity_bytes", p->capacity);
		set_num(o, "used_bytes", p->used);
		set_num(o, "free_bytes", p->free);
		set_text(o, "source", p->source);
		set_text(o, "free_source", p->free_source);
		h0_json_add(a, o);
	}
	return a;
}

static struct h0_json *limits_json(const struct h0_mmem *mm)
{
	struct h0_json *a = h0_json_array();
	for (int i = 0; i < mm->nlimit; i++) {
		const struct h0_limit *l = &mm->limit[i];
		struct h0_json *o = h0_json_object();
		h0_json_set_str(o, "name", l->name);
		set_num(o, "mib", l->mib);
		set_num(o, "reserve_mib", l->reserve_mib);
		set_text(o, "source", l->source);
		h0_json_set_bool(o, "binds", l->binds);
		h0_json_add(a, o);
	}
	return a;
}

static struct h0_json *memory_json(const struct h0_mmem *mm)
{
	struct h0_json *o = h0_json_object();
	h0_json_set_bool(o, "unified", mm->unified);
	set_num(o, "pool_mib", mm->pool_mib);
	set_num(o, "budget_mib", mm->budget_mib);
	set_num(o, "free_mib", mm->free_mib);
	set_text(o, "binding_limit", mm->binding);
	set_num(o, "installed_bytes", mm->installed);
	set_text(o, "installed_source",
	         mm->installed == H0_UNKNOWN ? NULL
	         : mm->installed_exact       ? "/sys/firmware/dmi/tables/DMI"
	                                     : "RAM + carve-out, rounded up");
	h0_json_set(o, "pools", pools_json(mm));
	h0_json_set(o, "limits", limits_json(mm));
	return o;
}

static struct h0_json *warnings_json(const struct h0_machine *m)
{
	struct h0_json *a = h0_json_array();
	for (int i = 0; i < m->nwarning; i++) {
		const struct h0_warning *w = &m->warning[i];
		struct h0_json *o = h0_json_object();
		h0_json_set_str(o, "code", w->code);
		h0_json_set_str(o, "severity", h0_severity_name(w->severity));
		h0_json_set_str(o, "message", w->message);
		set_text(o, "fix", w->fix);
		h0_json_add(a, o);
	}
	return a;
}

static struct h0_json *cpu_json(const struct h0_hw_cpu *c)
{
	struct h0_json *o = h0_json_object();
	set_text(o, "model", c->model);
	set_text(o, "arch", c->arch);
	set_num(o, "family", c->family);
	set_num(o, "model_number", c->model_number);
	set_num(o, "threads", c->threads);
	set_num(o, "cores", c->cores);
	set_num(o, "online", c->online);
	set_num(o, "possible", c->possible);
	set_tri(o, "avx2", c->avx2);
	set_tri(o, "avx512", c->avx512);
	return o;
}

static struct h0_json *dmi_json(const struct h0_hw_dmi *d)
{
	struct h0_json *o = h0_json_object();
	set_text(o, "sys_vendor", d->sys_vendor);
	set_text(o, "product_name", d->product_name);
	set_text(o, "board_name", d->board_name);
	set_text(o, "bios_version", d->bios_version);
	set_text(o, "bios_date", d->bios_date);
	return o;
}

/* The words of the kernel command line about the IOMMU. */
static struct h0_json *iommu_args(const char *cmdline)
{
	struct h0_json *a = h0_json_array();
	for (const char *s = cmdline; *s;) {
		size_t n = strcspn(s, " ");
		char word[128];
		snprintf(word, sizeof word, "%.*s", (int)(n < 127 ? n : 127), s);
		if (h0_starts(word, "iommu=") || h0_starts(word, "amd_iommu=") ||
		    h0_starts(word, "intel_iommu="))
			h0_json_add(a, h0_json_new_str(word));
		s += n;
		s += strspn(s, " ");
	}
	return a;
}

static struct h0_json *tuning_json(const struct h0_hw *hw)
{
	struct h0_json *o = h0_json_object();
	set_text(o, "tuned_profile", hw->power.tuned);
	set_text(o, "governor", hw->cpu.governor);
	set_text(o, "platform_profile", hw->power.profile);
	set_tri(o, "ac_online", hw->power.ac_online);
	set_num(o, "ttm_pages_limit", hw->ttm.pages_limit);
	set_num(o, "ttm_page_pool_size", hw->ttm.page_pool_size);
	set_num(o, "amdgpu_gttsize", hw->ttm.gttsize == -1 ? H0_UNKNOWN : hw->ttm.gttsize);
	h0_json_set(o, "iommu_args", iommu_args(hw->os.cmdline));
	return o;
}

static struct h0_json *vulkan_json(const struct h0_hw_vulkan *v)
{
	static const char *const status[] = {"not-run", "ok", "no-loader", "no-driver", "failed",
	                                     "timeout"};
	static const char *const types[] = {"other", "integrated", "discrete", "virtual", "cpu"};
	struct h0_json *o = h0_json_object(), *devs = h0_json_array();
	h0_json_set_str(o, "status", status[v->status]);
	set_text(o, "loader", v->loader);
	set_text(o, "detail", v->detail);
	for (int i = 0; i < v->ndev; i++) {
		const struct h0_vk_dev *d = &v->dev[i];
		struct h0_json *j = h0_json_object();
		h0_json_set_str(j, "name", d->name);
		set_text(j, "pci", d->addr);
		h0_json_set_str(j, "type", types[d->type >= 0 && d->type <= H0_VK_CPU ? d->type : 0]);
		set_text(j, "driver", vk_driver(d));
		set_text(j, "driver_info", d->driver_info);
		set_text(j, "api", d->api);
		h0_json_add(devs, j);
	}
	h0_json_set(o, "devices", devs);
	return o;
}

static struct h0_json *nvidia_json(const struct h0_machine *m)
{
	const struct h0_hw_nvidia *nv = &m->hw->nvidia;
	bool any = false;
	for (int i = 0; i < m->ngpu; i++)
		any |= h0_streq(m->gpu[i].vendor, "nvidia");
	if (!any)
		return h0_json_new_null();
	struct h0_json *o = h0_json_object(), *cdi = h0_json_array();
	h0_json_set_str(o, "driver", nv->module == H0_FACT_YES ? "nvidia" : NULL);
	set_text(o, "version", nv->version);
	set_tri(o, "open_module", nv->open_module);
	for (size_t i = 0; i < nv->cdi.n; i++)
		h0_json_add(cdi, h0_json_new_str(nv->cdi.v[i]));
	h0_json_set(o, "cdi_specs", cdi);
	return o;
}

/* The original's flat fields. */
static void flat(struct h0_json *o, const struct h0_machine *m)
{
	const struct h0_hw *hw = m->hw;
	int64_t ram = hw->mem.total, unified = ram;
	set_text(o, "hostname", hw->os.hostname);
	set_num(o, "uptime_s", hw->os.uptime_s);
	set_text(o, "kernel", hw->os.kernel);
	set_text(o, "distro", hw->os.distro);
	set_text(o, "cpu_model", hw->cpu.model);
	set_num(o, "cpu_cores", hw->cpu.cores);
	set_num(o, "cpu_threads", hw->cpu.threads);
	set_shifted(o, "ram_mb", ram, MIB);
	set_shifted(o, "ram_available_mb", hw->mem.available, MIB);
	set_shifted(o, "swap_mb", hw->mem.swap_total, MIB);
	if (m->mem.pool_mib != H0_UNKNOWN)
		unified = m->mem.pool_mib << MIB;
	if (!m->container && hw->dmi.installed != H0_UNKNOWN && ram != H0_UNKNOWN &&
	    hw->dmi.installed > ram + ram / 10)
		unified = hw->dmi.installed;
	set_shifted(o, "unified_memory_mb", unified, MIB);
	set_shifted(o, "disk_free_mb", hw->os.disk_free, MIB);
	set_shifted(o, "cgroup_max_mb", hw->cgroup.limit, MIB);
	set_shifted(o, "mem_total_kb", ram, 10);
}

static void conclusions(struct h0_json *o, const struct h0_machine *m)
{
	const struct h0_mgpu *g = h0_machine_primary(m);
	struct h0_json *rec = h0_json_object(), *why = h0_json_array();
	h0_json_set_str(o, "tier", m->tier);
	h0_json_set_str(o, "platform", m->platform);
	h0_json_set_str(o, "deployment", m->deployment);
	h0_json_set_str(o, "virtualization", m->virtualization);
	h0_json_set_str(o, "hardware_class", m->hw_class);
	h0_json_set_str(o, "recommended_device", m->device);
	set_num(o, "memory_bandwidth_gbs", g ? g->gb_per_s : H0_UNKNOWN);
	h0_json_set_str(rec, "device", m->device);
	h0_json_set_str(rec, "alternative", m->alternative);
	h0_json_set_str(rec, "profile", m->profile);
	h0_json_set_bool(rec, "vulkan_on_cpu", !g && m->lavapipe);
	for (int i = 0; i < m->nwhy; i++)
		h0_json_add(why, h0_json_new_str(m->why[i]));
	h0_json_set(rec, "why", why);
	h0_json_set(o, "recommendation", rec);
}

struct h0_json *h0_hwdoc(const struct h0_machine *m, const char *probed_at)
{
	const struct h0_hw *hw = m->hw;
	struct h0_json *o = h0_json_object(), *gpus = h0_json_array(), *extra = h0_json_object();
	h0_json_set_int(o, "schema", 1);
	flat(o, m);
	conclusions(o, m);
	for (int i = 0; i < m->ngpu; i++)
		h0_json_add(gpus, gpu_json(m, &m->gpu[i]));
	h0_json_set(o, "gpus", gpus);
	h0_json_set(o, "npu", npu_json(m));
	h0_json_set(o, "memory", memory_json(&m->mem));
	h0_json_set(o, "warnings", warnings_json(m));
	h0_json_set(o, "cpu", cpu_json(&hw->cpu));
	h0_json_set(o, "dmi", dmi_json(&hw->dmi));
	h0_json_set(o, "tuning", tuning_json(hw));
	h0_json_set(o, "vulkan", vulkan_json(&hw->vulkan));
	h0_json_set(o, "nvidia", nvidia_json(m));
	h0_json_set(o, "kfd", node_json(&hw->kfd));
	struct h0_json *podman = h0_json_object();
	set_tri(podman, "present", hw->os.podman_present);
	set_text(podman, "version", hw->os.podman);
	h0_json_set(o, "podman", podman);
	set_text(o, "apparmor", hw->virt.apparmor);
	set_text(extra, "kernel", hw->os.release);
	h0_json_set(o, "extra", extra);
	h0_json_set_str(o, "probed_at", probed_at);
	return o;
}

static void keep_members(struct h0_json *dst, const struct h0_json *src, int depth);

/* What an element of a list is known by. */
static void element_name(const struct h0_json *j, size_t i, char *dst, size_t size)
{
	const char *name = h0_json_str(h0_json_get(j, "pci"));
	const char *gpu = h0_json_str(h0_json_get(j, "gpu"));
	if (!name)
		name = h0_json_str(h0_json_get(j, "code"));
	if (!name)
		name = h0_json_str(h0_json_get(j, "name"));
	if (name)
		snprintf(dst, size, "[%s%s%s]", name, gpu ? " " : "", gpu ? gpu : "");
	else
		snprintf(dst, size, "[%zu]", i);
}

/* The elements of `list`, each with what its namesake in `old` has besides. */
static struct h0_json *keep_elements(const struct h0_json *list, const struct h0_json *old, int depth)
{
	struct h0_json *ret = h0_json_array();
	char name[160], other[160];
	for (size_t i = 0; i < h0_json_len(list); i++) {
		struct h0_json *one = h0_json_copy(h0_json_at(list, i));
		element_name(one, i, name, sizeof name);
		for (size_t k = 0; k < h0_json_len(old) && h0_json_type(one) == H0_JSON_OBJECT; k++) {
			element_name(h0_json_at(old, k), k, other, sizeof other);
			if (strcmp(name, other) == 0 && h0_json_type(h0_json_at(old, k)) == H0_JSON_OBJECT) {
				keep_members(one, h0_json_at(old, k), depth + 1);
				break;
			}
		}
		h0_json_add(ret, one);
	}
	return ret;
}

/* Every key of ours is always there, if only as null: what is not there is somebody else's. */
static void keep_members(struct h0_json *dst, const struct h0_json *src, int depth)
{
	const char *key;
	const struct h0_json *val;
	for (void *it = NULL; depth < 8 && (it = h0_json_next(src, it, &key, &val));) {
		const struct h0_json *ours = h0_json_get(dst, key);
		enum h0_json_type type = ours ? h0_json_type(ours) : H0_JSON_NULL;
		if (!ours) {
			h0_json_set(dst, key, h0_json_copy(val));
		} else if (type == h0_json_type(val) && type == H0_JSON_OBJECT) {
			struct h0_json *both = h0_json_copy(ours);
			keep_members(both, val, depth + 1);
			h0_json_set(dst, key, both);
		} else if (type == h0_json_type(val) && type == H0_JSON_ARRAY) {
			h0_json_set(dst, key, keep_elements(ours, val, depth));
		}
	}
}

void h0_hwdoc_keep(struct h0_json *doc, const struct h0_json *old)
{
	if (old)
		keep_members(doc, old, 0);
}

void h0_hwdoc_text(const struct h0_json *doc, struct h0_buf *ret)
{
	h0_json_dump(doc, 2, true, ret);
	if (ret->len && ret->p[ret->len - 1] != '\n')
		h0_buf_addc(ret, '\n');
}

/* ---- comparing ---- */

struct leaf {
	char *path, *value;
};
struct leaves {
	struct leaf *v;
	size_t n, cap;
};

/* Readings that change by themselves. */
static bool is_volatile(const char *key)
{
	static const char *const keys[] = {"uptime_s",   "ram_available_mb", "disk_free_mb",
	                                   "probed_at",  "free_bytes",       "used_bytes",
	                                   "free_mib"};
	for (size_t i = 0; i < H0_ARRAY_LEN(keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static void flatten(const struct h0_json *j, const char *path, int depth, struct leaves *ret)
{
	char sub[512], name[160];
	enum h0_json_type t = h0_json_type(j);
	if (t == H0_JSON_OBJECT && depth < 16) {
		const char *key;
		const struct h0_json *val;
		for (void *it = NULL; (it = h0_json_next(j, it, &key, &val));) {
			/* a warning is one change: its message; the rest follows from its code */
			bool about_warning = strncmp(path, "warnings[", 9) == 0 && strcmp(key, "message") != 0;
			if (is_volatile(key) || about_warning)
				continue;
			snprintf(sub, sizeof sub, "%s%s%s", path, *path ? "." : "", key);
			flatten(val, sub, depth + 1, ret);
		}
		return;
	}
	if (t == H0_JSON_ARRAY && depth < 16) {
		for (size_t i = 0; i < h0_json_len(j); i++) {
			element_name(h0_json_at(j, i), i, name, sizeof name);
			snprintf(sub, sizeof sub, "%s%s", path, name);
			flatten(h0_json_at(j, i), sub, depth + 1, ret);
		}
		return;
	}
	struct h0_buf text = {0};
	h0_json_dump(j, 0, true, &text);
	ret->v = h0_grow(ret->v, ret->n, &ret->cap, sizeof *ret->v);
	ret->v[ret->n++] = (struct leaf){h0_strdup(path), h0_buf_take(&text)};
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct leaf *)a)->path, ((const struct leaf *)b)->path);
}

static void change(struct h0_hwchanges *ret, const char *path, const char *from, const char *to)
{
	ret->v = h0_grow(ret->v, ret->n, &ret->cap, sizeof *ret->v);
	ret->v[ret->n++] = (struct h0_hwchange){h0_strdup(path), h0_strdup(from), h0_strdup(to)};
}

static void leaves_done(struct leaves *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].path);
		free(l->v[i].value);
	}
	free(l->v);
}

void h0_hwdoc_diff(const struct h0_json *old, const struct h0_json *new, struct h0_hwchanges *ret)
{
	h0_auto(leaves_done) struct leaves a = {0};
	h0_auto(leaves_done) struct leaves b = {0};
	*ret = (struct h0_hwchanges){0};
	if (old)
		flatten(old, "", 0, &a);
	flatten(new, "", 0, &b);
	if (a.n)
		qsort(a.v, a.n, sizeof *a.v, by_path);
	if (b.n)
		qsort(b.v, b.n, sizeof *b.v, by_path);
	for (size_t i = 0, k = 0; i < a.n || k < b.n;) {
		int c = i == a.n ? 1 : k == b.n ? -1 : strcmp(a.v[i].path, b.v[k].path);
		if (c < 0) {
			change(ret, a.v[i].path, a.v[i].value, NULL);
		} else if (c > 0) {
			change(ret, b.v[k].path, NULL, b.v[k].value);
		} else if (strcmp(a.v[i].value, b.v[k].value) != 0) {
			change(ret, b.v[k].path, a.v[i].value, b.v[k].value);
		}
		i += c <= 0;
		k += c >= 0;
	}
}

void h0_hwchanges_done(struct h0_hwchanges *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].path);
		free(c->v[i].from);
		free(c->v[i].to);
	}
	free(c->v);
	*c = (struct h0_hwchanges){0};
}
