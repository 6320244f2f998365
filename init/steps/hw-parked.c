// SPDX-License-Identifier: GPL-2.0-only
/* CPUs that are stopped on their way up, by means of hotplug/target. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lab.h"

#define CPUS	"/sys/devices/system/cpu/"
#define PARKED	1	/* the CPU */
#define TARGET	CPUS "cpu1/hotplug/target"

/* The first state in which a CPU is online and answers IPIs; before KVM's callback. */
static void find_state(char *number, size_t size)
{
	char *states, *line, *save, name[64];
	int nr, found = 0;

	if (access(TARGET, W_OK))
		skip("no CPU 1, or no CONFIG_CPU_HOTPLUG_STATE_CONTROL");
	states = read_all(CPUS "hotplug/states");
	for (line = strtok_r(states, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "%d: %63s", &nr, name) == 2 && !strcmp(name, "ap:online"))
			found = nr;
	}
	free(states);
	check(found > 0, "no state ap:online");
	snprintf(number, size, "%d", found);
}

static void go_to(const char *state)
{
	check(write_file(TARGET, state), "CPU %d does not get to state %s: %m",
	      PARKED, state);
}

/* A VM of its own, while there is another one: nothing but hotplug enables the CPU for it. */
static void runs_on_parked(void)
{
	pin(PARKED);
	vm_hello();
	pin(0);
}

/*
 * hw-parked: the first VM is created while a CPU is parked.  The CPU goes offline from
 * there, comes back, and runs a guest; the same with a CPU that goes on to come online.
 */
static int step_hw_parked(int argc, char **argv)
{
	char state[16];
	int vm, down;

	find_state(state, sizeof(state));
	pin(0);

	for (down = 1; down >= 0; down--) {
		offline(PARKED);
		go_to(state);
		vm = vm_created();
		if (down)
			go_to("0");
		online(PARKED);
		runs_on_parked();
		close(vm);
	}
	return PASS;
}

STEP("hw-parked", step_hw_parked);
