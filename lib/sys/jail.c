#include "sys/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"

/* AddressSanitizer reserves terabytes of addresses: no limit of them can hold there. */
#if defined(__SANITIZE_ADDRESS__)
enum { ADDRESSES_RESERVED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { ADDRESSES_RESERVED = 1 };
#else
enum { ADDRESSES_RESERVED = 0 };
#endif
#else
enum { ADDRESSES_RESERVED = 0 };
#endif

/* --- Landlock, from the kernel's documentation: the installed header may be older --------------
 */

#define LL_CREATE_RULESET 444
#define LL_ADD_RULE 445
#define LL_RESTRICT_SELF 446
#define LL_VERSION 1U
#define LL_RULE_PATH 1

enum {
	LL_EXECUTE = 1 << 0,
	LL_WRITE_FILE = 1 << 1,
	LL_READ_FILE = 1 << 2,
	LL_READ_DIR = 1 << 3,
	LL_MAKE_ANY = 0x1ff0, /* remove and make of every kind: bits 4 to 12 */
	LL_REFER = 1 << 13,    /* ABI 2 */
	LL_TRUNCATE = 1 << 14, /* ABI 3 */
	LL_IOCTL_DEV = 1 << 15, /* ABI 5 */
	LL_ABI1 = 0x1fff,
	LL_FILE_BITS = LL_EXECUTE | LL_WRITE_FILE | LL_READ_FILE | LL_TRUNCATE | LL_IOCTL_DEV,
	LL_NET_BIND = 1, /* ABI 4 */
	LL_NET_ALL = 3,  /* bind and connect TCP */
};

struct ll_ruleset {
	uint64_t fs, net, scoped;
};

struct ll_path {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

static uint64_t
handled_fs(int abi)
{
	uint64_t v = LL_ABI1;

	if (abi >= 2)
		v |= LL_REFER;
	if (abi >= 3)
		v |= LL_TRUNCATE;
	if (abi >= 5)
		v |= LL_IOCTL_DEV;
	return v;
}

static uint64_t
rights(unsigned may)
{
	uint64_t v = 0;

	if (may & JAIL_READ)
		v |= LL_READ_FILE | LL_READ_DIR;
	if (may & JAIL_LIST)
		v |= LL_READ_DIR;
	if (may & JAIL_WRITE)
		v |= LL_WRITE_FILE | LL_MAKE_ANY | LL_REFER | LL_TRUNCATE;
	if (may & JAIL_EXEC)
		v |= LL_EXECUTE | LL_READ_FILE;
	return v;
}

static int
allow_path(int set, const struct jail_path *p, uint64_t handled, struct err *e)
{
	struct ll_path rule = {.allowed = rights(p->may) & handled};
	int fd = open(p->path, O_PATH | O_CLOEXEC), r = 0;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "jail: %s", p->path);
	rule.fd = fd;
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed &= LL_FILE_BITS;
	if (syscall(LL_ADD_RULE, set, LL_RULE_PATH, &rule, 0) < 0)
		r = err_sys(e, "jail: %s", p->path);
	(void)close(fd);
	return r;
}

static int
enter_paths(const struct jail *j, struct jail_report *rep, struct err *e)
{
	long abi = syscall(LL_CREATE_RULESET, NULL, 0, LL_VERSION);
	struct ll_ruleset attr = {0};
	int set, r = 0;

	if (abi < 1)
		return 0; /* not in this kernel, or switched off at boot */
	rep->landlock_abi = (int)abi;
	attr.fs = handled_fs(rep->landlock_abi);
	if (abi >= 4) {
		attr.net = j->tcp ? LL_NET_BIND : LL_NET_ALL;
		rep->tcp_closed = !j->tcp;
	}
	/* an older kernel knows a shorter structure */
	set = (int)syscall(LL_CREATE_RULESET, &attr, abi >= 4 ? 16UL : 8UL, 0);
	if (set < 0)
		return err_sys(e, "jail: landlock ruleset");
	for (size_t i = 0; i < j->npaths && r == 0; i++)
		r = allow_path(set, &j->paths[i], attr.fs, e);
	if (r == 0 && syscall(LL_RESTRICT_SELF, set, 0) < 0)
		r = err_sys(e, "jail: landlock");
	(void)close(set);
	return r < 0 ? r : 1;
}

/* --- system calls --------------------------------------------------------------------------- */

static const char *const calls_base[] = {"read", "write", "readv", "writev", "pread64", "pwrite64",
    "preadv", "pwritev", "close", "lseek", "fstat", "mmap", "munmap", "mremap", "mprotect",
    "madvise", "brk", "mlock", "munlock", "mlock2", "poll", "ppoll", "select", "pselect6",
    "epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl", "epoll_create1", "eventfd2",
    "timerfd_create", "timerfd_settime", "timerfd_gettime", "signalfd4", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "sigaltstack",
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getresuid",
    "getresgid", "getgroups", "getrandom", "uname", "sysinfo", "futex", "futex_waitv",
    "restart_syscall", "exit", "exit_group", "dup", "dup2", "dup3", "pipe2", "fcntl", "ioctl",
    "recvmsg", "recvfrom", "sendmsg", "sendto", "shutdown", "getsockopt", "setsockopt",
    "sched_yield", "sched_getaffinity", "getrlimit", "getrusage", "set_robust_list",
    "get_robust_list", "rseq", "membarrier", "wait4", "waitid", "tgkill", "umask", "getcpu",
    "fadvise64", "capget"};
static const char *const calls_files[] = {"open", "openat", "openat2", "stat", "lstat",
    "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2", "readlink",
    "readlinkat", "getdents64", "getcwd", "mkdir", "mkdirat", "rename", "renameat", "renameat2",
    "unlink", "unlinkat", "rmdir", "link", "linkat", "ftruncate", "fallocate", "fsync", "fdatasync",
    "sync_file_range", "flock", "chmod", "fchmod", "fchmodat", "fchown", "utimensat",
    "copy_file_range", "sendfile"};
static const char *const calls_read[] = {"stat", "lstat", "newfstatat", "statx", "statfs",
    "fstatfs", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64",
    "getcwd"};
static const char *const calls_serve[] = {"accept", "accept4", "listen", "getsockname",
    "getpeername"};
static const char *const calls_socket[] = {"connect", "bind", "socketpair", "listen",
    "getsockname", "getpeername"};
/* the resolver asks for both kinds of addresses at once */
static const char *const calls_inet[] = {"sendmmsg", "recvmmsg"};
static const char *const calls_threads[] = {"clone", "clone3", "set_tid_address",
    "sched_setaffinity", "prctl", "arch_prctl"};
static const char *const calls_children[] = {"clone", "clone3", "fork", "vfork", "execve",
    "execveat", "wait4", "waitid", "kill", "pidfd_open", "pidfd_send_signal", "setpgid", "setsid",
    "prlimit64", "setrlimit", "prctl", "arch_prctl", "set_tid_address", "close_range", "chdir",
    "setpriority", "getpriority", "open", "openat", "access", "newfstatat", "readlink"};

static int
allow(scmp_filter_ctx ctx, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);
		int rc;

		if (nr == __NR_SCMP_ERROR)
			continue; /* newer than this library */
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
		if (rc < 0 && rc != -EEXIST && rc != -EDOM)
			return rc;
	}
	return 0;
}

static int
allow_family(scmp_filter_ctx ctx, int family)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
	    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family));
}

/* Opening without any way to change, make or cut a file. */
static int
allow_open_read(scmp_filter_ctx ctx)
{
	const scmp_datum_t mask =
	    O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, mask, O_RDONLY));

	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
		    SCMP_A1(SCMP_CMP_MASKED_EQ, mask, O_RDONLY));
	return rc == -EDOM ? 0 : rc; /* this machine has no plain open */
}

static int
fill(scmp_filter_ctx ctx, unsigned sets)
{
	int rc = allow(ctx, calls_base, ARRAY_LEN(calls_base));

	if (rc == 0) /* asking for a limit, not setting one */
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
		    SCMP_A2(SCMP_CMP_EQ, 0));
	if (rc == 0 && (sets & JAIL_S_FILES))
		rc = allow(ctx, calls_files, ARRAY_LEN(calls_files));
	if (rc == 0 && (sets & JAIL_S_READ))
		rc = allow(ctx, calls_read, ARRAY_LEN(calls_read));
	if (rc == 0 && (sets & JAIL_S_READ))
		rc = allow_open_read(ctx);
	if (rc == 0 && (sets & JAIL_S_SERVE))
		rc = allow(ctx, calls_serve, ARRAY_LEN(calls_serve));
	if (rc == 0 && (sets & JAIL_S_THREADS))
		rc = allow(ctx, calls_threads, ARRAY_LEN(calls_threads));
	if (rc == 0 && (sets & JAIL_S_CHILDREN))
		rc = allow(ctx, calls_children, ARRAY_LEN(calls_children));
	if (rc == 0 && (sets & (JAIL_S_UNIX | JAIL_S_INET)))
		rc = allow(ctx, calls_socket, ARRAY_LEN(calls_socket));
	if (rc == 0 && (sets & JAIL_S_INET))
		rc = allow(ctx, calls_inet, ARRAY_LEN(calls_inet));
	if (rc == 0 && (sets & JAIL_S_UNIX))
		rc = allow_family(ctx, AF_UNIX);
	if (rc == 0 && (sets & JAIL_S_INET))
		rc = allow_family(ctx, AF_INET);
	if (rc == 0 && (sets & JAIL_S_INET))
		rc = allow_family(ctx, AF_INET6);
	return rc;
}

static int
enter_calls(const struct jail *j, struct err *e)
{
	scmp_filter_ctx ctx;
	int rc;

	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
		return 0; /* not in this kernel */
	ctx = seccomp_init(j->trap ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(EPERM));
	if (!ctx)
		return err_set(e, E_NOMEM, "jail: no memory for the call list");
	rc = fill(ctx, j->sets);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (rc < 0) {
		errno = -rc;
		return err_sys(e, "jail: system calls");
	}
	return 1;
}

/* --- the rest ------------------------------------------------------------------------------- */

static int
keep_only(uint64_t keep)
{
	cap_t c = cap_init();
	int r = c ? 0 : -1;

	for (cap_value_t v = 0; r == 0 && v < cap_max_bits(); v++) {
		/* the bounding set can only be reduced with CAP_SETPCAP; without it exec is
		 * harmless all the same because of no_new_privs */
		if (!(keep >> v & 1) && cap_get_bound(v) == 1)
			(void)cap_drop_bound(v);
		if (!(keep >> v & 1))
			continue;
		r = cap_set_flag(c, CAP_PERMITTED, 1, &v, CAP_SET);
		if (r == 0)
			r = cap_set_flag(c, CAP_EFFECTIVE, 1, &v, CAP_SET);
	}
	if (r == 0)
		(void)cap_reset_ambient();
	if (r == 0)
		r = cap_set_proc(c);
	(void)cap_free(c);
	return r;
}

static int
limit(int what, uint64_t n, struct err *e)
{
	struct rlimit rl;

	if (getrlimit((__rlimit_resource_t)what, &rl) < 0)
		return err_sys(e, "jail: limits");
	if (rl.rlim_max != RLIM_INFINITY && n > rl.rlim_max)
		n = rl.rlim_max;
	rl.rlim_cur = rl.rlim_max = n;
	if (setrlimit((__rlimit_resource_t)what, &rl) < 0)
		return err_sys(e, "jail: limits");
	return 0;
}

static int
enter_basic(const struct jail *j, struct err *e)
{
	int r = limit(RLIMIT_CORE, 0, e); /* patients' data must not end up in a core file */

	if (r == 0 && j->max_files)
		r = limit(RLIMIT_NOFILE, j->max_files, e);
	if (r == 0 && j->max_memory && !ADDRESSES_RESERVED)
		r = limit(RLIMIT_AS, j->max_memory, e);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "jail: no_new_privs");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (keep_only(j->keep_caps) < 0)
		return err_sys(e, "jail: capabilities");
	return 0;
}

int
jail_enter(const struct jail *j, struct jail_report *ret, struct err *e)
{
	struct jail_report rep = {.level = JAIL_BASIC};
	int r, calls;

	r = enter_basic(j, e);
	if (r < 0)
		return r;
	r = enter_paths(j, &rep, e);
	if (r < 0)
		return r;
	calls = enter_calls(j, e); /* last: the calls above are not on the list */
	if (calls < 0)
		return calls;
	if (calls)
		rep.level = r ? JAIL_PATHS : JAIL_CALLS;
	(void)snprintf(rep.text, sizeof(rep.text),
	    "jail: no new privileges, %s, %s (Landlock ABI %d)%s",
	    calls ? "system calls listed" : "NO system call list in this kernel",
	    r ? "paths listed" : "NO path list in this kernel", rep.landlock_abi,
	    rep.tcp_closed ? ", no new TCP" : "");
	if (ret)
		*ret = rep;
	if (rep.level < j->min_level)
		return err_set(e, E_SYS, "the jail is weaker than demanded: %s", rep.text);
	return 0;
}
