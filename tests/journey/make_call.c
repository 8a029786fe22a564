// make_call PID NUMBER [ARGUMENT...]: lets a process that waits in a system call make another one,
// and prints "returned VALUE" or "ended by signal N". For a test of what the kernel lets a role do:
// the process is a real one, without a hook for tests in it. Compiled by that test. It waits in a
// call, so the instruction of a system call stands right before its program counter.
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#define ARGUMENTS_MAX 6

static void
give_up(const char *what)
{
    fprintf(stderr, "make_call: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void
registers(enum __ptrace_request request, pid_t pid, struct user_regs_struct *registers)
{
    struct iovec part = {registers, sizeof *registers};
    if (ptrace(request, pid, NT_PRSTATUS, &part) != 0)
        give_up("registers");
}

#if defined(__x86_64__)
static void
prepare(struct user_regs_struct *at, const long *call)
{
    unsigned long long *const places[] = {&at->rdi, &at->rsi, &at->rdx, &at->r10, &at->r8, &at->r9};
    for (int i = 0; i < ARGUMENTS_MAX; i++)
        *places[i] = (unsigned long long)call[1 + i];
    at->rax = (unsigned long long)call[0];
    at->orig_rax = (unsigned long long)-1; // the call that was interrupted is not begun again
    at->rip -= 2;
}
#define RESULT(at) ((long)(at).rax)
#elif defined(__aarch64__)
static void
prepare(struct user_regs_struct *at, const long *call)
{
    for (int i = 0; i < ARGUMENTS_MAX; i++)
        at->regs[i] = (unsigned long long)call[1 + i];
    at->regs[8] = (unsigned long long)call[0];
    at->pc -= 4;
}
#define RESULT(at) ((long)(at).regs[0])
#else
#error "say how this machine makes a system call"
#endif

static void
stopped(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, __WALL) != pid)
        give_up("wait");
    if (WIFSIGNALED(status)) {
        printf("ended by signal %d\n", WTERMSIG(status));
        exit(0);
    }
    if (!WIFSTOPPED(status))
        give_up("it ended");
}

int
main(int count, char **words)
{
    long call[1 + ARGUMENTS_MAX] = {0};
    struct user_regs_struct before, now;
    if (count < 3 || count > 3 + ARGUMENTS_MAX)
        return 2;
    pid_t pid = atoi(words[1]);
    for (int i = 2; i < count; i++)
        call[i - 2] = strtol(words[i], NULL, 0);
    if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) != 0)
        give_up("attach");
    stopped(pid);
    registers(PTRACE_GETREGSET, pid, &before);
    now = before;
    prepare(&now, call);
    registers(PTRACE_SETREGSET, pid, &now);
    if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0)
        give_up("step");
    stopped(pid);
    registers(PTRACE_GETREGSET, pid, &now);
    printf("returned %ld\n", RESULT(now));
    registers(PTRACE_SETREGSET, pid, &before);
    ptrace(PTRACE_DETACH, pid, NULL, NULL);
    return 0;
}
