/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Power: mains or battery, the firmware's platform profile, tuned's active profile.
 */
#include <string.h>

#include "hw/hw.h"

static enum h0_fact mains(const struct h0_root *r)
{
	h0_autostrv struct h0_strv names = {0};
	enum h0_fact answer = H0_FACT_UNKNOWN;
	h0_root_list(r, &names, "/sys/class/power_supply");
	for (size_t i = 0; i < names.n; i++) {
		char type[32];
		if (h0_root_text(r, type, sizeof type, "/sys/class/power_supply/%s/type",
		                 names.v[i]) < 0)
			continue;
		bool is_mains = strcmp(type, "Mains") == 0, usb = strcmp(type, "USB") == 0;
		int64_t on = is_mains || usb ? h0_root_int(r, 0, 2, "/sys/class/power_supply/%s/online",
		                                           names.v[i])
		                             : H0_UNKNOWN;
		if (on > 0)
			return H0_FACT_YES; /* a laptop may also be fed through USB-C */
		if (on == 0 && is_mains)
			answer = H0_FACT_NO;
	}
	return answer;
}

void h0_hw_power(const struct h0_root *r, struct h0_hw *hw)
{
	struct h0_hw_power *p = &hw->power;
	p->ac_online = mains(r);
	h0_root_text(r, p->profile, sizeof p->profile, "/sys/firmware/acpi/platform_profile");
	h0_root_text(r, p->tuned, sizeof p->tuned, "/etc/tuned/active_profile");
}
