/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When virtualization is enabled on which CPU: VMs created and destroyed, a CPU that goes
 * offline and comes online, suspend and resume, a restart into another kernel.
 *
 * Without PLAIN: the design of the series, in the words of 7.3.  The rules that the code has
 * to keep to, so that the model is about it:
 *
 *   count	kvm_usage_count is written with kvm_lock and cpus_read_lock() held, and read by
 *		callbacks of CPU hotplug, which exclude its writers by cpus_write_lock()
 *   handler	a CPU enables and disables itself with IRQs disabled, i.e. in one step with
 *		respect to IPIs; it looks at system_state in the same step
 *   rollback	whoever enabled the CPUs disables them if one failed, before count and locks
 *   online	the callback may refuse the CPU, before a task can run there
 *   freezer	user tasks are frozen on suspend, so nobody is between enabling the CPUs and
 *		raising the count; a kthread that destroys a VM is not, it may be anywhere
 *   resume	the CPU that resumes is enabled if kvm_usage_count is not 0
 *   lost	if it cannot be, kvm_lost_cpu is set, and all VMs on vm_list are dead, before
 *		another task runs
 *   regain	with kvm_lost_cpu set, KVM_CREATE_VM fails as long as a VM is counted, and
 *		enables that CPU otherwise, or fails
 *   cleared	kvm_lost_cpu is cleared there, or when the count becomes 0, and never by what
 *		happens to the CPU: a task that destroys a dead VM may have faulted before
 *		that, and looks at kvm_lost_cpu afterwards
 *   shutdown	system_state is set before the IPI that disables virtualization
 *
 * With LOAD: the same with enable_virt_at_load, i.e. KVM itself is a user from before the
 * first VM until after the last one.  Loading does what a first VM does, and is not modelled.
 *
 * 7.3 has a flag, kvm_virt_lost, in place of the number of the CPU.
 * 6.1 looks at kvm_rebooting instead of system_state.  With RESUME_AS_SUSPENDED and
 * CLEARED_FIRST, as in 6.1: the CPU that resumes is enabled if it was when it suspended, or if it
 * was lost, and kvm_lost_cpu is also cleared before the CPUs are disabled.  Without CLEARED_FIRST,
 * a kthread that destroys the last dead VM may be between disabling the CPUs and clearing
 * kvm_lost_cpu: the CPU that resumes is enabled then and stays so without a VM.
 *
 * With PLAIN: Linux as it is upstream, with virtualization enabled on demand: callbacks are
 * registered after the CPUs have been enabled, and unregistered before they are disabled.
 *
 * Always checked: nobody waits forever, and nothing is left behind at the end.  Three rules
 * are checked if they are named:
 *
 *   RULE_ENABLED	a VM that is not dead runs only if all CPUs that run tasks are enabled
 *   RULE_FAULT		an instruction of VMX or SVM that faults is ignored, not a BUG: a CPU is
 *			lost, or the system goes down
 *   RULE_TAKEOVER	the next kernel finds virtualization disabled; with it the system restarts
 *
 * The first two do not look once the system goes down.  They are checked without a restart,
 * which would also disable what others left enabled.  That keeps the state space small, too;
 * for the same reason there are two CPUs instead of three, and one suspend instead of two,
 * where models/expect says so.  A macro MUTANT_... takes one thing out, see there.
 */
#ifndef NCPU
#define NCPU	3
#endif
#ifndef SLEEPS
#define SLEEPS	1
#endif
#define NVM	2
#define PROCESSES	(NVM + 3)
#define NO_CPU	NCPU

#ifdef LOAD
#define AT_LOAD	1
#else
#define AT_LOAD	0
#endif

/* Of a CPU: gets IPIs; runs tasks; virtualization is on. */
bit online[NCPU], runs_tasks[NCPU], virt[NCPU];

/* Of two CPUs or three. */
#define is_last(c)	(!online[(c + 1) % NCPU] && !online[(c + NCPU - 1) % NCPU])

bit kvm_lock;
byte cpus_readers;
bit cpus_writer, cpus_writer_waits;
bit hotplug_busy;	/* cpu_add_remove_lock, or hotplug is disabled by suspend */

byte usage_count = AT_LOAD;
byte kvm_lost_cpu = NO_CPU;
byte running;		/* a bit per VM: on vm_list and not dead, its vCPUs may run */
byte creators;		/* tasks in KVM_CREATE_VM */
bit goes_down;		/* system_state: no CPU is enabled any more */
bit registered;		/* PLAIN: the callback for shutdown and suspend */
bit callbacks;		/* PLAIN: those for CPU hotplug */
byte ended;

inline mutex_lock(m)
{
	d_step { !m -> m = 1 }
}

inline mutex_unlock(m)
{
	m = 0
}

/* Not recursive, and a writer that waits comes first. */
inline cpus_read_lock()
{
#ifndef MUTANT_NO_CPUS_LOCK
	d_step { !cpus_writer && !cpus_writer_waits -> cpus_readers++ }
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
	d_step { !cpus_writer && !cpus_writer_waits -> cpus_writer_waits = 1 };
	d_step { cpus_readers == 0 -> cpus_writer_waits = 0; cpus_writer = 1 }
}

inline cpus_write_unlock()
{
	cpus_writer = 0
}

/*
 * On CPU c, with IRQs disabled; sets failed, or not.  It may fail at any time, and has to if
 * the system goes down.
 */
inline enable(c, failed)
{
	if
	:: virt[c]
#if !defined(PLAIN) && !defined(MUTANT_NO_REBOOT_CHECK)
	:: d_step { !virt[c] && !goes_down -> virt[c] = 1 }
#else
	:: d_step { !virt[c] -> virt[c] = 1 }
#endif
	:: d_step { !virt[c] -> failed = 1 }
	fi
}

inline disable(c)
{
#ifdef MUTANT_CLEARED_BY_CPU
	kvm_lost_cpu = (kvm_lost_cpu == c -> NO_CPU : kvm_lost_cpu);
#endif
	virt[c] = 0
}

inline disable_all(c)
{
	c = 0;
	do
	:: d_step { c < NCPU -> virt[c] = virt[c] && !online[c]; c++ }
	:: else -> break
	od
}

/* All CPUs that are online, in any state that other processes see in between. */
inline enable_all(c, failed)
{
	c = 0;
	failed = 0;
	do
	:: atomic {
		c < NCPU ->
		if
		:: online[c] -> enable(c, failed)
		:: else
		fi;
		c++
	   }
	:: else -> break
	od;
#ifndef MUTANT_NO_ROLLBACK
	if
	:: failed -> disable_all(c)
	:: else
	fi
#endif
}

/*
 * The CPU that was lost has to be enabled, too, before there is another VM.  If it went
 * offline, it is enabled or refused when it comes back.
 */
inline regain_cpu(failed)
{
#ifndef MUTANT_CREATED_LOST
	if
	:: kvm_lost_cpu == NO_CPU
#ifndef MUTANT_CLEARED_EARLY
	:: kvm_lost_cpu != NO_CPU && usage_count > AT_LOAD -> failed = 1
	:: kvm_lost_cpu != NO_CPU && usage_count <= AT_LOAD ->
#else
	:: kvm_lost_cpu != NO_CPU ->
#endif
		if
		:: online[kvm_lost_cpu] -> enable(kvm_lost_cpu, failed)
		:: else
		fi;
		if
		:: !failed -> kvm_lost_cpu = NO_CPU
		:: else
		fi
	fi
#else
	skip
#endif
}

/* The next first user enables all CPUs, or fails, whether or not one was lost. */
inline drop_user(c)
{
	usage_count--;
	if
	:: usage_count == 0 ->
#ifdef CLEARED_FIRST
		kvm_lost_cpu = NO_CPU;
#endif
		disable_all(c);
#ifndef MUTANT_STAYS_LOST
		kvm_lost_cpu = NO_CPU
#endif
	:: else
	fi
}

/* The CPU that resumes cannot be refused, nor can vCPUs be kept off it. */
inline lose_cpu(c)
{
	kvm_lost_cpu = c;
#ifndef MUTANT_NOT_DEAD
	running = 0
#endif
}

/* Without the rule nobody looks, and states that differ in this would be two. */
inline list_vm(id)
{
#ifdef RULE_ENABLED
	running = running | (1 << id)
#else
	skip
#endif
}

inline unlist_vm(id)
{
#ifdef RULE_ENABLED
	running = running & ~(1 << id)
#else
	skip
#endif
}

proctype vm(byte id)
{
	byte c;
	bit failed, faulted;

	/* KVM_CREATE_VM */
	creators++;
	mutex_lock(kvm_lock);
	failed = 0;
#ifndef PLAIN
	cpus_read_lock();
	if
	:: usage_count == 0 -> enable_all(c, failed)
	:: else -> regain_cpu(failed)
	fi;
	if
	:: !failed ->
		usage_count++;
		list_vm(id)
	:: else
	fi;
	cpus_read_unlock();
#else
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
			:: goes_down ->
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
	if
	:: !failed -> list_vm(id)
	:: else
	fi;
#endif
	mutex_unlock(kvm_lock);
	creators--;
	if
	:: failed -> goto end_of_vm
	:: else
	fi;

	/* The last reference is put: the VM leaves vm_list, but is still counted. */
	unlist_vm(id);

#ifdef RULE_FAULT
	/* Its vCPUs are destroyed, which faults on a CPU where virtualization is off ... */
	d_step {
		c = 0;
		do
		:: c < NCPU ->
			faulted = faulted || (runs_tasks[c] && !virt[c]);
			c++
		:: else -> break
		od
	};
	/* ... and the handler of that fault looks, after anything may have happened. */
	assert(!faulted || kvm_lost_cpu != NO_CPU || goes_down);
#endif

	mutex_lock(kvm_lock);
#ifndef PLAIN
	cpus_read_lock();
	drop_user(c);
	cpus_read_unlock();
#else
	usage_count--;
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
	atomic {
		if
		:: failed -> online[c] = 0
		:: else -> runs_tasks[c] = 1
		fi
	}
}

/* The first CPU is the one that resumes and may be lost, the last one is any other. */
proctype hotplug()
{
	byte cpu;
	bit failed;

	if
	:: cpu = 0
	:: cpu = NCPU - 1
	fi;

	mutex_lock(hotplug_busy);
	cpus_write_lock();
	if
	:: online[cpu] && !is_last(cpu) -> offline_cpu(cpu)
	:: else
	fi;
	cpus_write_unlock();
	mutex_unlock(hotplug_busy);

	mutex_lock(hotplug_busy);
	cpus_write_lock();
	if
	:: !online[cpu] -> online_cpu(cpu, failed)
	:: else
	fi;
	cpus_write_unlock();
	mutex_unlock(hotplug_busy);
	ended++
}

/*
 * All CPUs but the first one that is online go, it sleeps, and they come again.  Tasks that
 * create VMs are frozen, and that takes until they are back in user space.  Those that destroy
 * VMs may be kthreads, which are not.
 */
proctype sleeper()
{
	byte c, primary, sleeps;
	bit failed, enable_again;

again:
	/* Others who take CPUs offline or online fail meanwhile; here they wait. */
	mutex_lock(hotplug_busy);
	cpus_write_lock();
	d_step {
		primary = 0;
		do
		:: !online[primary] -> primary++
		:: else -> break
		od
	};
	c = 0;
	do
	:: c < NCPU && (!online[c] || c == primary) -> c++
	:: c < NCPU && online[c] && c != primary -> offline_cpu(c); c++
	:: else -> break
	od;
	cpus_write_unlock();

	/* One CPU with IRQs disabled, until it has resumed: nobody else runs. */
	atomic {
#ifndef MUTANT_NOT_FROZEN
		creators == 0 ->
#endif
#ifdef PLAIN
		/* system_transition_mutex: no resume after a restart began */
		enable_again = registered && !goes_down;
		if
		:: registered -> virt[primary] = 0
		:: else
		fi;
#else
#if defined(MUTANT_RESUME_ALWAYS)
		enable_again = 1;
#elif defined(RESUME_AS_SUSPENDED)
		enable_again = virt[primary] || kvm_lost_cpu == primary;
#else
		enable_again = usage_count != 0;
#endif
		disable(primary);
#endif
		failed = 0;
		if
		:: enable_again -> enable(primary, failed)
		:: else
		fi;
#if !defined(PLAIN) && !defined(MUTANT_NOT_LOST)
		if
		:: failed -> lose_cpu(primary)
		:: else
		fi
#endif
	}

	cpus_write_lock();
	c = 0;
	do
	:: c < NCPU && online[c] -> c++
	:: c < NCPU && !online[c] -> online_cpu(c, failed); c++
	:: else -> break
	od;
	cpus_write_unlock();
	mutex_unlock(hotplug_busy);

	sleeps++;
	if
	:: sleeps < SLEEPS -> goto again
	:: else
	fi;
	ended++
}

/* kexec, or a restart: does not wait for locks. */
proctype restart()
{
	byte c;

#ifdef MUTANT_IPI_FIRST
	disable_all(c);
	goes_down = 1;
#else
	goes_down = 1;
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
		c = 0;
		do
		:: c < NCPU -> assert(!virt[c]); c++
		:: else -> break
		od
	};
	ended++
}

/* A VM that is not dead runs only if all CPUs that run tasks are enabled. */
#ifdef RULE_ENABLED
proctype rule_enabled()
{
	byte c;

	do
	:: ended == PROCESSES -> break
	:: atomic {
		running && !goes_down ->
		d_step {
			c = 0;
			do
			:: c < NCPU ->
				assert(!runs_tasks[c] || virt[c]);
				c++
			:: else -> break
			od
		}
	   }
	od
}
#endif

init
{
	byte c;

	atomic {
		do
		:: c < NCPU -> online[c] = 1; runs_tasks[c] = 1; virt[c] = AT_LOAD; c++
		:: else -> break
		od;
		run vm(0);
		run vm(1);
		run hotplug();
		run sleeper();
#ifdef RULE_TAKEOVER
		run restart();
#else
		ended++;
#endif
#ifdef RULE_ENABLED
		run rule_enabled();
#endif
	}
	/* What failed, and what is gone, leaves nothing behind; nobody is left in a lock. */
	ended == PROCESSES;
	assert(!kvm_lock && !cpus_readers && !cpus_writer && !running);
#ifdef LOAD
	drop_user(c);
#endif
	assert(usage_count == 0 && kvm_lost_cpu == NO_CPU);
	c = 0;
	do
	:: c < NCPU -> assert(!virt[c]); c++
	:: else -> break
	od
}
