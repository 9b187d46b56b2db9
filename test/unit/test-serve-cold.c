/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A slot that has to be loaded first.
 */
#include "serve-stage.h"

struct caller {
	pthread_t t;
	int status;
};

static void *call_cold(void *arg)
{
	struct caller *c = arg;
	h0_autofree char *r = ask(POST("", "", "{\"model\":\"cold\"}"));
	c->status = status_of(r);
	return NULL;
}

static void test_cold(void)
{
	static struct caller callers[200];
	int good = 0;
	loads = 0;
	load_takes_ms = 400;
	for (int i = 0; i < 200; i++)
		pthread_create(&callers[i].t, NULL, call_cold, &callers[i]);
	for (int i = 0; i < 200; i++) {
		pthread_join(callers[i].t, NULL);
		good += callers[i].status == 200;
	}
	ok(loads == 1 && good == 200, "200 callers of a cold slot: %d load, %d answers", (int)loads, good);
	shutdown(cold_fd, SHUT_RDWR); /* it listens no more, and keeps its port */
	router_stop();
	UNTIL(slot_open == 0); /* connections that are kept would have the port */
	load_takes_ms = 0;
	load_held = true;
	conf.wait_ms = 500;
	router_start();
	double t = now();
	check("one that takes longer than a request waits", ask(POST("", "", "{\"model\":\"cold\"}")), 503, "slot.loading");
	ok(load_held && metric("hal0_loads_total{slot=\"cold\"} ") == 1, "is told so in time (%.1f s)", now() - t);
	h0_autofree char *r = ask(POST("", "", "{\"model\":\"cold\"}"));
	if (!ok(status_of(r) == 200 || strstr(r, "Retry-After: "), "the next one waits for the same load, or is told when"))
		printf("# %s\n", r);
	load_held = false;
	load_fails = true;
	check("a slot that does not come up", ask(POST("", "", "{\"model\":\"bad\"}")), 503, "the model file is broken");
	loads = 0;
	check("is not tried again at once", ask(POST("", "", "{\"model\":\"bad\"}")), 503, "the model file is broken");
	is_int(loads, 0, "but the reason is given again");
	load_fails = false;
	check("a 503 that is no loading", ask(POST("?do=busy", "", BODY)), 503, "busy");
}

int main(void)
{
	if (!stage_open())
		return tap_skip_all("no free ports from 8100 to 8200");
	test_cold();
	router_stop();
	return stage_close() | tap_done();
}
