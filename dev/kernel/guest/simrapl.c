// SPDX-License-Identifier: GPL-2.0
/*
 * Simulated RAPL registers below the kernel's own powercap and intel_rapl_common drivers: for tests in a virtual
 * machine. Registers the control type "intel-rapl" as intel_rapl_msr would (which must not be loaded), so that
 * everything in /sys/class/powercap/intel-rapl* is the real kernel's doing. For kernels 6.1 and 6.12.
 *
 * In /sys/kernel/debug/simrapl:
 *   package-<n>/{limit,pl4,info,dram_limit}, psys_limit   the raw registers, to be read and set: a write is what
 *                      firmware does behind the kernel's back. <n> counts dies where packages have several.
 *   trace              every write by the kernel, a line each: nanoseconds of CLOCK_MONOTONIC, package, register,
 *                      mask, value asked for, value of the register after it, error. Writing to the file empties it.
 */
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/intel_rapl.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/powercap.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/topology.h>
#include <linux/version.h>
#include <linux/vmalloc.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define REG(number) { .val = number }
#define NUMBER(reg) ((reg).val)
#define SET_REG(reg, number) ((reg).val = (number))
#define LIMITS_1 BIT(POWER_LIMIT1)
#define LIMITS_2 (LIMITS_1 | BIT(POWER_LIMIT2))
#define LIMITS_3 (LIMITS_2 | BIT(POWER_LIMIT4))
#define find_package(cpu, priv) rapl_find_package_domain_cpuslocked(cpu, priv, true)
#define add_package(cpu, priv) rapl_add_package_cpuslocked(cpu, priv, true)
#define remove_package rapl_remove_package_cpuslocked
#else
#define REG(number) (number)
#define NUMBER(reg) (reg)
#define SET_REG(reg, number) ((reg) = (number))
#define LIMITS_1 1
#define LIMITS_2 2
#define LIMITS_3 3
#define find_package rapl_find_package_domain
#define add_package rapl_add_package
#define remove_package rapl_remove_package
#endif

#define MAX_PACKAGES 64
#define MAX_TRACED 65536
#define LOCK_HIGH BIT_ULL(63)	/* of registers with two limits */
#define LOCK_LOW BIT_ULL(31)	/* of registers with one limit */
#define PL1_EN BIT_ULL(15)
#define PL2_EN BIT_ULL(47)

/* 1/8 W, 2^-14 J, 2^-10 s: what nearly all processors say */
static unsigned int units = 0x000a0e03;
module_param(units, uint, 0444);
static unsigned int watts = 105;	/* PL1 and thermal spec power of each package; PL2 is 6/5 of it */
module_param(watts, uint, 0444);
static unsigned int draw = 60;		/* watts that each package draws */
module_param(draw, uint, 0644);
static unsigned int locked;		/* bit mask of packages whose limits firmware has locked */
module_param(locked, uint, 0444);
static bool fault;			/* a write to a locked register faults (#GP), in place of being ignored */
module_param(fault, bool, 0644);
static bool disabled;			/* firmware left the enable bits off */
module_param(disabled, bool, 0444);
static bool stuck;			/* enable bits cannot be set */
module_param(stuck, bool, 0644);
static bool max_known = true;		/* the info register tells thermal spec power */
module_param(max_known, bool, 0444);
static bool dram = true, psys, pl4 = true;
module_param(dram, bool, 0444);
module_param(psys, bool, 0444);
module_param(pl4, bool, 0444);
static bool capping = true;		/* false: energy only, as on AMD; needs dram=0 psys=0 */
module_param(capping, bool, 0444);

enum reg {				/* 0 means "no such register" to intel_rapl_common */
	UNIT = 1, LIMIT, STATUS, INFO, PERF, PL4, DRAM_LIMIT, DRAM_STATUS, DRAM_INFO, DRAM_PERF, PSYS_LIMIT, PSYS_STATUS,
	REGS
};

static const char * const reg_names[REGS] = {
	[LIMIT] = "limit", [PL4] = "pl4", [DRAM_LIMIT] = "dram_limit", [PSYS_LIMIT] = "psys_limit",
};

struct traced {
	u64 at_ns, mask, value, now;
	int package, reg, err;
};

static struct traced *traced;		/* the writes so far; guarded by "guard" */
static unsigned int traced_count;

static u64 registers[MAX_PACKAGES][REGS];
static u64 psys_limit;
static DEFINE_SPINLOCK(guard);
static ktime_t start;
static struct dentry *debug;

/* Dies have limits of their own; on machines with one die in a package this is the package. */
static int package_of(int cpu)
{
	return topology_logical_die_id(cpu);
}

static u64 *place(int cpu, u64 reg)
{
	int package = package_of(cpu);

	if (reg >= REGS || package < 0 || package >= MAX_PACKAGES)
		return NULL;
	return reg == PSYS_LIMIT ? &psys_limit : &registers[package][reg];
}

static u64 energy(int cpu, u64 reg)
{
	u64 ms = ktime_to_ms(ktime_sub(ktime_get(), start)) + 1000;
	u64 milliwatts = draw * 1000ull;
	/* 2^-14 J; servers' dram has a unit of its own, 15.3 µJ, 2^-16 J */
	int shift = reg == DRAM_STATUS ? 16 : 14;

	if (reg == DRAM_STATUS)
		milliwatts /= 10;
	if (reg == PSYS_STATUS)
		milliwatts *= 3;
	return ((ms * milliwatts << shift) / 1000000) & 0xffffffff;
}

static int sim_read(int cpu, struct reg_action *ra)
{
	u64 *found = place(cpu, NUMBER(ra->reg));
	unsigned long flags;

	if (!found)
		return -EIO;
	spin_lock_irqsave(&guard, flags);
	ra->value = *found;
	spin_unlock_irqrestore(&guard, flags);
	if (NUMBER(ra->reg) == STATUS || NUMBER(ra->reg) == DRAM_STATUS || NUMBER(ra->reg) == PSYS_STATUS)
		ra->value = energy(cpu, NUMBER(ra->reg));
	ra->value &= ra->mask;
	return 0;
}

static int sim_write(int cpu, struct reg_action *ra)
{
	u64 *found = place(cpu, NUMBER(ra->reg));
	unsigned long flags;
	u64 value, lock = NUMBER(ra->reg) == DRAM_LIMIT ? LOCK_LOW : LOCK_HIGH;
	int err = 0;

	if (!found)
		return -EIO;
	spin_lock_irqsave(&guard, flags);
	value = (*found & ~ra->mask) | ra->value;
	if (*found & lock)
		err = fault ? -EIO : 0;
	else
		*found = stuck ? value & ~(PL1_EN | PL2_EN) : value;
	if (traced_count < MAX_TRACED)
		traced[traced_count++] = (struct traced) {
			.at_ns = ktime_get_ns(), .mask = ra->mask, .value = ra->value, .now = *found,
			.package = package_of(cpu), .reg = NUMBER(ra->reg), .err = err,
		};
	spin_unlock_irqrestore(&guard, flags);
	ra->err = err;
	return err;
}

static struct rapl_if_priv sim = {
	.reg_unit = REG(UNIT),
	.regs[RAPL_DOMAIN_PACKAGE] = { REG(LIMIT), REG(STATUS), REG(PERF), REG(0), REG(INFO), REG(0) },
	.limits[RAPL_DOMAIN_PACKAGE] = LIMITS_2,
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	.type = RAPL_IF_MSR,
#endif
	.read_raw = sim_read,
	.write_raw = sim_write,
};

static int sim_online(unsigned int cpu)
{
	struct rapl_package *rp = find_package(cpu, &sim);

	if (!rp) {
		rp = add_package(cpu, &sim);
		if (IS_ERR(rp))
			return PTR_ERR(rp);
	}
	cpumask_set_cpu(cpu, &rp->cpumask);
	return 0;
}

static int sim_offline(unsigned int cpu)
{
	struct rapl_package *rp = find_package(cpu, &sim);
	int lead;

	if (!rp)
		return 0;
	cpumask_clear_cpu(cpu, &rp->cpumask);
	lead = cpumask_first(&rp->cpumask);
	if (lead >= nr_cpu_ids)
		remove_package(rp);
	else if (rp->lead_cpu == cpu)
		rp->lead_cpu = lead;
	return 0;
}

static u64 limits(unsigned int pl1_watts, unsigned int pl2_watts)
{
	unsigned int per_watt = 1 << (units & 0xf);
	u64 on = disabled ? 0 : PL1_EN;
	u64 value = (pl1_watts * per_watt & 0x7fff) | on | 0x6eull << 17;	/* window: 28 s */

	if (pl2_watts)
		value |= (u64)((pl2_watts * per_watt & 0x7fff) | on | 0x42ull << 17) << 32;
	return value;
}

static void power_up(void)
{
	unsigned int per_watt = 1 << (units & 0xf), package;

	for (package = 0; package < MAX_PACKAGES; package++) {
		u64 *r = registers[package];

		r[UNIT] = units;
		r[LIMIT] = limits(watts, watts * 6 / 5) | (locked & BIT(package) ? LOCK_HIGH : 0);
		r[INFO] = max_known ? (watts * per_watt & 0x7fff) : 0;
		r[PL4] = watts * 2 * per_watt;
		r[DRAM_LIMIT] = limits(40, 0) | (locked & BIT(package) ? LOCK_LOW : 0);
		r[DRAM_INFO] = 45 * per_watt;
	}
	psys_limit = limits(300, 350);
	start = ktime_get();
}

static int trace_show(struct seq_file *file, void *unused)
{
	unsigned int index, count = READ_ONCE(traced_count);

	for (index = 0; index < count; index++) {
		struct traced *t = &traced[index];

		seq_printf(file, "%llu %d %s %016llx %016llx %016llx %d\n", t->at_ns, t->package,
			   reg_names[t->reg] ?: "other", t->mask, t->value, t->now, t->err);
	}
	if (count == MAX_TRACED)
		seq_puts(file, "full\n");
	return 0;
}

static int trace_open(struct inode *inode, struct file *file)
{
	return single_open(file, trace_show, NULL);
}

static ssize_t trace_write(struct file *file, const char __user *text, size_t size, loff_t *at)
{
	unsigned long flags;

	spin_lock_irqsave(&guard, flags);
	traced_count = 0;
	spin_unlock_irqrestore(&guard, flags);
	return size;
}

static const struct file_operations trace_files = {
	.owner = THIS_MODULE, .open = trace_open, .read = seq_read, .write = trace_write, .llseek = seq_lseek,
	.release = single_release,
};

static void show_registers(void)
{
	unsigned int package;
	char name[16];

	debug = debugfs_create_dir("simrapl", NULL);
	debugfs_create_x64("psys_limit", 0600, debug, &psys_limit);
	debugfs_create_file("trace", 0600, debug, NULL, &trace_files);
	for (package = 0; package < MAX_PACKAGES; package++) {
		struct dentry *folder;

		snprintf(name, sizeof(name), "package-%u", package);
		folder = debugfs_create_dir(name, debug);
		debugfs_create_x64("limit", 0600, folder, &registers[package][LIMIT]);
		debugfs_create_x64("pl4", 0600, folder, &registers[package][PL4]);
		debugfs_create_x64("info", 0600, folder, &registers[package][INFO]);
		debugfs_create_x64("dram_limit", 0600, folder, &registers[package][DRAM_LIMIT]);
	}
}

static int __init sim_init(void)
{
	int state;

	traced = vzalloc(array_size(MAX_TRACED, sizeof(*traced)));
	if (!traced)
		return -ENOMEM;
	power_up();
	if (!capping) {
		pl4 = false;
		SET_REG(sim.regs[RAPL_DOMAIN_PACKAGE][RAPL_DOMAIN_REG_LIMIT], 0);
		SET_REG(sim.regs[RAPL_DOMAIN_PACKAGE][RAPL_DOMAIN_REG_PERF], 0);
		SET_REG(sim.regs[RAPL_DOMAIN_PACKAGE][RAPL_DOMAIN_REG_INFO], 0);
		sim.limits[RAPL_DOMAIN_PACKAGE] = 0;
	}
	if (pl4) {
		SET_REG(sim.regs[RAPL_DOMAIN_PACKAGE][RAPL_DOMAIN_REG_PL4], PL4);
		sim.limits[RAPL_DOMAIN_PACKAGE] = LIMITS_3;
	}
	if (dram) {
		SET_REG(sim.regs[RAPL_DOMAIN_DRAM][RAPL_DOMAIN_REG_LIMIT], DRAM_LIMIT);
		SET_REG(sim.regs[RAPL_DOMAIN_DRAM][RAPL_DOMAIN_REG_STATUS], DRAM_STATUS);
		SET_REG(sim.regs[RAPL_DOMAIN_DRAM][RAPL_DOMAIN_REG_PERF], DRAM_PERF);
		SET_REG(sim.regs[RAPL_DOMAIN_DRAM][RAPL_DOMAIN_REG_INFO], DRAM_INFO);
		sim.limits[RAPL_DOMAIN_DRAM] = LIMITS_1;
	}
	if (psys) {
		SET_REG(sim.regs[RAPL_DOMAIN_PLATFORM][RAPL_DOMAIN_REG_LIMIT], PSYS_LIMIT);
		SET_REG(sim.regs[RAPL_DOMAIN_PLATFORM][RAPL_DOMAIN_REG_STATUS], PSYS_STATUS);
		sim.limits[RAPL_DOMAIN_PLATFORM] = LIMITS_2;
	}
	sim.control_type = powercap_register_control_type(NULL, "intel-rapl", NULL);
	if (IS_ERR(sim.control_type)) {
		vfree(traced);
		return PTR_ERR(sim.control_type);
	}
	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "powercap/simrapl:online", sim_online, sim_offline);
	if (state < 0) {
		powercap_unregister_control_type(sim.control_type);
		vfree(traced);
		return state;
	}
	sim.pcap_rapl_online = state;
	show_registers();
	return 0;
}

static void __exit sim_exit(void)
{
	debugfs_remove_recursive(debug);
	cpuhp_remove_state(sim.pcap_rapl_online);
	powercap_unregister_control_type(sim.control_type);
	vfree(traced);
}

module_init(sim_init);
module_exit(sim_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Simulated RAPL registers");
