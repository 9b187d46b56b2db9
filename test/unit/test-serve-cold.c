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
	nap(2300); /* the router gives its kept connections up, so that the port can be listened on */
	load_takes_ms = 1500;
	double t = now();
	check("one that takes longer than a request waits", ask(POST("", "", "{\"model\":\"cold\"}")), 503, "slot.loading");
	ok(now() - t < 1.4, "is told so in time (%.1f s)", now() - t);
	h0_autofree char *r = ask(POST("", "", "{\"model\":\"cold\"}"));
	if (!ok(status_of(r) == 200 || strstr(r, "Retry-After: "), "the next one waits for the same load, or is told when"))
		printf("# %s\n", r);
	for (t = now(); metric("hal0_loads_total{slot=\"cold\"} ") < 2 && now() - t < 5;)
		nap(50);
	load_takes_ms = 50;
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
	conf.wait_ms = 700;
	if (!stage_open())
		return tap_skip_all("no free ports from 8100 to 8200");
	test_cold();
	router_stop();
	return stage_close() | tap_done();
}
