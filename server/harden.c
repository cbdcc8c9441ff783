/* A filter of system calls (seccomp), as the kernel wants it: a program of a few instructions, run for
 * each call. It names what is refused and not what is allowed: a C library that takes another call than
 * yesterday's for the same thing must not stop a venue. The unit (ops/ringfence.service) names what is
 * allowed. */
#define _GNU_SOURCE
#include "server/harden.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A sanitizer's search for leaks is a debugger. */
#if defined(__SANITIZE_ADDRESS__)
#define WATCHED 1
#else
#define WATCHED 0
#endif

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0
#endif

enum {
    X32_BIT = 0x40000000, /* the other numbering of x86_64 */
    PROGRAM_MAX = 256,
    NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                 CLONE_NEWPID | CLONE_NEWNET,
};

void rf_harden_memory(void)
{
    const struct rlimit none = {0, 0};
    if (WATCHED)
        return;
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static const int refused[] = {
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_pidfd_getfd,
    SYS_unshare,
    SYS_setns,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_open_by_handle_at,
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setfsuid,
    SYS_setfsgid,
    SYS_setgroups,
    SYS_capset,
    SYS_personality,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_acct,
    SYS_quotactl,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_syslog,
    SYS_vhangup,
    SYS_mknodat,
    SYS_memfd_create,
    SYS_shmget,
    SYS_shmat,
#if defined(__x86_64__)
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
    SYS_mknod,
    SYS_kexec_file_load,
#endif
};

/* ---- The program ----------------------------------------------------------------------------- */

typedef struct program {
    struct sock_filter rows[PROGRAM_MAX];
    unsigned short count;
} program;

static void add(program *to, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    to->rows[to->count++] = (struct sock_filter){code, yes, no, k};
}

static void load(program *to, size_t offset)
{
    add(to, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(program *to, uint32_t what)
{
    add(to, BPF_RET | BPF_K, what, 0, 0);
}

static void refuse(program *to, int error)
{
    answer(to, SECCOMP_RET_ERRNO | (uint32_t)error);
}

/* A call whose argument's low half has one of the bits, or all of them. */
static void refuse_bits(program *to, int call, unsigned argument, uint32_t bits, bool all)
{
    size_t at = offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t);
    add(to, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, (uint8_t)(all ? 5 : 4));
    load(to, at); /* both architectures are little-endian */
    if (all)
        add(to, BPF_ALU | BPF_AND | BPF_K, bits, 0, 0);
    add(to, BPF_JMP | (all ? BPF_JEQ : BPF_JSET) | BPF_K, bits, 0, 1);
    refuse(to, EPERM);
    load(to, offsetof(struct seccomp_data, nr)); /* for the rows behind */
}

static void write_program(program *to)
{
    load(to, offsetof(struct seccomp_data, arch));
    add(to, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    answer(to, SECCOMP_RET_KILL_PROCESS);
    load(to, offsetof(struct seccomp_data, nr));
    add(to, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    refuse(to, EPERM);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        add(to, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)refused[i], 0, 1);
        refuse(to, EPERM);
    }
    refuse_bits(to, SYS_mmap, 2, PROT_WRITE | PROT_EXEC, true);
    refuse_bits(to, SYS_mprotect, 2, PROT_EXEC, false);
    refuse_bits(to, SYS_pkey_mprotect, 2, PROT_EXEC, false);
    refuse_bits(to, SYS_clone, 0, NAMESPACES, false);
    /* Its flags lie in memory, where nobody can look: the C library takes clone instead. */
    add(to, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
    refuse(to, ENOSYS);
    answer(to, SECCOMP_RET_ALLOW);
}

bool rf_harden_calls(void)
{
    program made = {.count = 0};
    if (WATCHED || ARCHITECTURE == 0)
        return false;
    write_program(&made);
    const struct sock_fprog wanted = {.len = made.count, .filter = made.rows};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &wanted) == 0;
}
