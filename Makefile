# SPDX-License-Identifier: GPL-2.0-only
# One line per verb; the work is done in tools/.  "make help" lists them.
MACHINE ?= x86_64-svm
KERNEL ?= series
FLAVOUR ?=
SCENARIO ?= shell
TOPIC ?=

export LINUX BUILD JOBS INSTALL MACHINES MINUTES KEEP V SINCE UNTESTED CONFIG YES
# One that is not given is up to tools/lib.sh; for check, it is both.
ifneq ($(origin BASE),undefined)
export BASE
endif

.PHONY: help run check check-all status table tree refresh boot soak objects each bench preempt mail deb host-check clean
help: ; @tools/help.sh
run: ; @tools/run.sh $(MACHINE) $(KERNEL) $(FLAVOUR)	# build a patched kernel, boot it, load KVM, run a guest
check: ; @BASES="$(BASE)" tools/check.sh fast	# all tests that fit into minutes; base and series
check-all: ; @BASES="$(BASE)" tools/check.sh all	# the slow ones as well: KASAN, every patch by itself
status: ; @BASES="$(BASE)" tools/status.sh	# has all of it run on this tree?  from results/
table: ; @tools/table.sh				# linux-BASE/machines.md from results/: what ran on which machine
tree: ; @tools/tree.sh				# build/BASE/linux: base and series as a git tree to work in
refresh: ; @tools/series.sh refresh		# build/BASE/linux back to patches/
boot: ; @tools/one.sh $(MACHINE) "$(FLAVOUR)" $(KERNEL) $(SCENARIO)	# a shell in MACHINE, or one SCENARIO
soak: ; @tools/soak.sh $(MACHINE) "$(or $(FLAVOUR),debug)" $(KERNEL) "$(T)"	# T= hours of chaos in MACHINE, until something goes wrong
objects: ; @tools/objects.sh $(WAY)		# KVM's objects, built in every way of kconfig/ways; WAY= and MACHINES= limit it
each: ; @TOPIC="$(TOPIC)" tools/each.sh		# every patch by itself, built and booted; TOPIC= and MACHINES= limit it
bench: ; @tools/bench.sh $(MACHINE)	# VM creation and destruction: base, series, the other base
preempt: ; @tools/preempt.sh			# longest section with preemption off in a VM's creator
mail: ; @tools/mail.sh "$(TOPIC)"		# TOPIC as mail to the kvm list, in build/BASE/mail; sends nothing
deb: ; @tools/deb.sh $(KERNEL)			# base or series as a package for a Debian host, in build/BASE/deb
host-check: ; @tools/host-check.sh		# KVM on this very host, as it is: what a program can look at
clean: ; @rm -rf $(or $(BUILD),build)		# remove everything that was built
