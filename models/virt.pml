/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When virtualization is enabled on which CPU: VMs created and destroyed, a CPU that goes
 * offline and comes online, suspend and resume, a restart into another kernel.
 *
 * Without PLAIN: the design of the series.  What the code has to keep to, so that the model
 * is about it:
 *
 *   count	kvm_usage_count is written with kvm_lock and cpus_read_lock() held, and read by
 *		callbacks of CPU hotplug, which exclude its writers by cpus_write_lock()
 *   handler	a CPU enables and disables itself with IRQs disabled, i.e. in one step with
 *		respect to IPIs; it looks at kvm_rebooting in the same step
 *   rollback	whoever enabled the CPUs disables them if one failed, before count and locks
 *   online	the callback may refuse the CPU, before a task can run there
 *   resume	the CPU that resumes is enabled if there are users
 *   lost	if it cannot be, it is known to be lost
 *   shutdown	kvm_rebooting is set before the IPI that disables virtualization
 *
 * With PLAIN: Linux as it is upstream, with virtualization enabled on demand: callbacks are
 * registered after the CPUs have been enabled, and unregistered before they are disabled.
 *
 * Each rule of the end can be checked alone (-DRULE_...), all of them without.  A macro
 * MUTANT_... takes one thing out, see models/expect.
 */
#ifndef NCPU
#define NCPU	3
#endif
#define HOTPLUGGED	(NCPU - 1)
#define NVM	2
#define PROCESSES	(NVM + 3)

/* Of a CPU: gets IPIs; runs tasks; virtualization is on; it is known that it cannot be. */
bit online[NCPU], runs_tasks[NCPU], virt[NCPU], lost[NCPU];

bit kvm_lock;
byte cpus_readers;
bit cpus_writer, cpus_writer_waits;

byte usage_count, vms;
byte creators;		/* tasks in KVM_CREATE_VM */
bit rebooting;		/* system_state, kvm_rebooting: new users are refused */
bit registered;		/* PLAIN: the callback for shutdown and suspend */
bit callbacks;		/* PLAIN: those for CPU hotplug */
bit taken_over;		/* another kernel runs */
byte ended;

inline mutex_lock(m)
{
	atomic { !m -> m = 1 }
}

inline mutex_unlock(m)
{
	m = 0
}

/* Not recursive, and a writer that waits comes first. */
inline cpus_read_lock()
{
#ifndef MUTANT_NO_CPUS_LOCK
	atomic { !cpus_writer && !cpus_writer_waits -> cpus_readers++ }
#else
	skip
#endif
}

inline cpus_read_unlock()
{
#ifndef MUTANT_NO_CPUS_LOCK
	cpus_readers--
#else
	skip
#endif
}

inline cpus_write_lock()
{
	atomic { !cpus_writer && !cpus_writer_waits -> cpus_writer_waits = 1 };
	atomic { cpus_readers == 0 -> cpus_writer_waits = 0; cpus_writer = 1 }
}

inline cpus_write_unlock()
{
	cpus_writer = 0
}

/* On CPU c, with IRQs disabled; sets failed, or not. */
inline enable(c, failed)
{
	atomic {
		if
		:: virt[c] -> skip
#if !defined(PLAIN) && !defined(MUTANT_NO_REBOOT_CHECK)
		:: !virt[c] && rebooting -> failed = 1
		:: !virt[c] && !rebooting ->
#else
		:: !virt[c] ->
#endif
			if
			:: virt[c] = 1; lost[c] = 0
			:: failed = 1
			fi
		fi
	}
}

inline disable(c)
{
	atomic { virt[c] = 0; lost[c] = 0 }
}

inline disable_all(c)
{
	c = 0;
	do
	:: c < NCPU ->
		atomic {
			if
			:: online[c] -> disable(c)
			:: else
			fi;
			c++
		}
	:: else -> break
	od
}

/* All CPUs that are online, in any state that other processes see in between. */
inline enable_all(c, failed)
{
	c = 0;
	failed = 0;
	do
	:: c < NCPU ->
		if
		:: online[c] -> enable(c, failed)
		:: else
		fi;
		c++
	:: else -> break
	od;
#ifndef MUTANT_NO_ROLLBACK
	if
	:: failed -> disable_all(c)
	:: else
	fi
#endif
}

proctype vm()
{
	byte c;
	bit failed;

	/* KVM_CREATE_VM */
	creators++;
	mutex_lock(kvm_lock);
#ifndef PLAIN
	cpus_read_lock();
	failed = 0;
	if
	:: usage_count == 0 -> enable_all(c, failed)
	:: else
	fi;
	if
	:: !failed -> usage_count++
	:: else
	fi;
	cpus_read_unlock();
#else
	failed = 0;
	usage_count++;
	if
	:: usage_count == 1 ->
		cpus_read_lock();
		enable_all(c, failed);
		if
		:: !failed -> callbacks = 1
		:: else
		fi;
		cpus_read_unlock();
		if
		:: !failed ->
			registered = 1;
			if
			:: rebooting ->
				registered = 0;
				cpus_read_lock();
				callbacks = 0;
				disable_all(c);
				cpus_read_unlock();
				failed = 1
			:: else
			fi
		:: else
		fi;
		if
		:: failed -> usage_count--
		:: else
		fi
	:: else
	fi;
#endif
	if
	:: !failed -> vms++
	:: else
	fi;
	mutex_unlock(kvm_lock);
	creators--;
	if
	:: failed -> goto end_of_vm
	:: else
	fi;

	/* The last reference is put. */
	mutex_lock(kvm_lock);
#ifndef PLAIN
	cpus_read_lock();
	atomic { vms--; usage_count-- };
	if
	:: usage_count == 0 -> disable_all(c)
	:: else
	fi;
	cpus_read_unlock();
#else
	atomic { vms--; usage_count-- };
	if
	:: usage_count == 0 ->
		registered = 0;
		cpus_read_lock();
		callbacks = 0;
		disable_all(c);
		cpus_read_unlock()
	:: else
	fi;
#endif
	mutex_unlock(kvm_lock);
end_of_vm:
	ended++
}

/* What KVM is told when CPU c goes offline or has come online; with cpus_write_lock(). */
inline offline_cpu(c)
{
	runs_tasks[c] = 0;
	disable(c);
	online[c] = 0
}

inline online_cpu(c, failed)
{
	failed = 0;
	online[c] = 1;
#ifdef MUTANT_READER_TAKES_KVM_LOCK
	mutex_lock(kvm_lock);
	mutex_unlock(kvm_lock);
#endif
	if
#ifdef PLAIN
	:: callbacks -> enable(c, failed)
#else
	:: usage_count > 0 -> enable(c, failed)
#endif
	:: else
	fi;
#ifdef MUTANT_NOT_REFUSED
	failed = 0;
#endif
	if
	:: failed -> online[c] = 0
	:: else -> runs_tasks[c] = 1
	fi
}

proctype hotplug()
{
	bit failed;

	cpus_write_lock();
	offline_cpu(HOTPLUGGED);
	cpus_write_unlock();

	cpus_write_lock();
	online_cpu(HOTPLUGGED, failed);
	cpus_write_unlock();
	ended++
}

/*
 * All CPUs but the first one go, it sleeps, and they come again.  Tasks that create VMs are
 * frozen, and that takes until they are back in user space.  Those that destroy VMs may be
 * kernel threads, which are not.
 */
proctype sleeper()
{
	byte c;
	bit failed, enable_again;

	/* With hotplug by others disabled: they wait for the lock. */
	cpus_write_lock();
	c = 1;
	do
	:: c < NCPU ->
		if
		:: online[c] -> offline_cpu(c)
		:: else
		fi;
		c++
	:: else -> break
	od;
	cpus_write_unlock();

	/* One CPU with IRQs disabled, until it has resumed: nobody else runs. */
	atomic {
		creators == 0 ->
#ifdef PLAIN
		enable_again = registered;
		if
		:: registered -> virt[0] = 0
		:: else
		fi;
#else
#ifndef MUTANT_RESUME_ALWAYS
		enable_again = (usage_count != 0);
#else
		enable_again = 1;
#endif
		disable(0);
#endif
		failed = 0;
		if
		:: enable_again && !rebooting ->
			if
			:: virt[0] = 1
			:: failed = 1
			fi
		:: else
		fi;
#if !defined(PLAIN) && !defined(MUTANT_NOT_LOST)
		lost[0] = failed;
#endif
	}

	cpus_write_lock();
	c = 1;
	do
	:: c < NCPU -> online_cpu(c, failed); c++
	:: else -> break
	od;
	cpus_write_unlock();
	ended++
}

/* kexec, or a restart: does not wait for locks. */
proctype restart()
{
	byte c;

#ifdef MUTANT_IPI_FIRST
	disable_all(c);
	rebooting = 1;
#else
	rebooting = 1;
#ifdef PLAIN
	if
	:: registered -> disable_all(c)
	:: else
	fi;
#else
	disable_all(c);
#endif
#endif
	/* All other CPUs stop where they are. */
	atomic {
		taken_over = 1;
#if defined(RULE_TAKEOVER) || !defined(RULE)
		c = 0;
		do
		:: c < NCPU -> assert(!virt[c]); c++
		:: else -> break
		od
#endif
	}
	ended++
}

/* While a VM exists, a CPU that runs tasks is enabled, or known to be lost. */
#if defined(RULE_ENABLED) || !defined(RULE)
proctype rule_enabled()
{
	byte c;

	do
	:: ended == PROCESSES -> break
	:: atomic {
		vms > 0 && !rebooting && !taken_over ->
		c = 0;
		do
		:: c < NCPU ->
			assert(!runs_tasks[c] || virt[c] || lost[c]);
			c++
		:: else -> break
		od
	   }
	od
}
#endif

init
{
	byte c;

	atomic {
		do
		:: c < NCPU -> online[c] = 1; runs_tasks[c] = 1; c++
		:: else -> break
		od;
		run vm();
		run vm();
		run hotplug();
		run sleeper();
#if defined(RULE_TAKEOVER) || !defined(RULE)
		run restart();
#else
		ended++;
#endif
#if defined(RULE_ENABLED) || !defined(RULE)
		run rule_enabled();
#endif
	}
	/* What failed, and what is gone, leaves nothing behind; nobody is left in a lock. */
	ended == PROCESSES;
	assert(usage_count == 0 && vms == 0 && !kvm_lock && !cpus_readers && !cpus_writer);
	c = 0;
	do
	:: c < NCPU -> assert(!virt[c] && !lost[c]); c++
	:: else -> break
	od
}
