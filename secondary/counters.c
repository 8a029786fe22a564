#include "secondary/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

_Static_assert(sizeof(struct counters) % sizeof(uint64_t) == 0, "counters are summed as an array");

const char *
counters_transport_word(enum counters_transport transport)
{
    return transport == COUNTERS_UDP ? "udp" : "tcp";
}

// The header is written by the one who makes the memory, so that a reader never sees it without.
static bool
header_write(int fd)
{
    const uint32_t header[] = {COUNTERS_MAGIC, (uint32_t)sizeof(struct counters_memory)};
    return pwrite(fd, header, sizeof header, 0) == (ssize_t)sizeof header;
}

bool
counters_create(int *ret_fd, struct fault *fault)
{
    int fd = memfd_create("tandem-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return fault_set_errno(fault, errno, "cannot make the memory for a server's counters");
    if (ftruncate(fd, (off_t)sizeof(struct counters_memory)) != 0 || !header_write(fd) ||
        fcntl(fd, F_ADD_SEALS, SEALS) != 0) {
        fault_set_errno(fault, errno, "cannot prepare the memory for a server's counters");
        close(fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}

bool
counters_map(int fd, bool writable, struct counters_memory **ret_memory, struct fault *fault)
{
    struct stat facts;
    if (fstat(fd, &facts) != 0)
        return fault_set_errno(fault, errno, "counters: cannot look at their memory");
    if (facts.st_size != (off_t)sizeof(struct counters_memory))
        return fault_set(fault, FAULT_CORRUPT,
                         "counters: their memory has %lld octets, not %zu: "
                         "the roles are of different versions, restart tandem-secondary",
                         (long long)facts.st_size, sizeof(struct counters_memory));
    struct counters_memory *memory = mmap(
        NULL, sizeof *memory, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return fault_set_errno(fault, errno, "counters: cannot map their memory");
    if (memory->magic != COUNTERS_MAGIC || memory->size != sizeof *memory) {
        munmap(memory, sizeof *memory);
        return fault_set(fault, FAULT_CORRUPT,
                         "counters: their memory is of another layout: the "
                         "roles are of different versions, restart tandem-secondary");
    }
    *ret_memory = memory;
    return true;
}

void
counters_unmap(struct counters_memory **memory)
{
    if (*memory)
        munmap(*memory, sizeof **memory);
    *memory = NULL;
}

void
counters_answered(struct counters *counters, enum counters_transport transport, unsigned rcode)
{
    unsigned index = rcode < COUNTERS_RCODE_OTHER ? rcode : COUNTERS_RCODE_OTHER;
    counter_add(&counters->queries[transport][index], 1);
}

void
counters_sum(const struct counters_memory *memory, struct counters *sum)
{
    const uint64_t *from = (const uint64_t *)&memory->counters;
    uint64_t *to = (uint64_t *)sum;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}
