#include "common/daemon/start.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/octets.h"
#include "common/daemon/config_print.h"
#include "common/daemon/privileges.h"
#include "common/daemon/service.h"
#include "common/net/loop.h"

static void
usage(const struct start_program *program, FILE *to)
{
    fprintf(to,
            "usage: %s [-c FILE] [--check] [--print-config] [-v] [-V] [-h]\n"
            "  -c FILE         configuration, default %s\n"
            "  --check         read %s, start nothing; 0 valid, 78 invalid\n"
            "  --print-config  show the settings in force, defaults included\n"
            "  -v              log more (debug)\n"
            "  -V              version\n"
            "  -h              this help\n",
            program->name, program->file, program->check_help);
}

// Gives -1 to go on, else the exit code.
static int
option_take(const struct start_program *program, int option, struct start_arguments *arguments)
{
    switch (option) {
    case 'c':
        arguments->file = optarg;
        return -1;
    case 'C':
        arguments->check = true;
        return -1;
    case 'P':
        arguments->print_config = true;
        return -1;
    case 'v':
        arguments->verbose++;
        return -1;
    case 'V':
        printf("%s %s\n", program->name, TANDEM_VERSION);
        return 0;
    case 'h':
        usage(program, stdout);
        return 0;
    default:
        usage(program, stderr);
        return START_EXIT_USAGE;
    }
}

int
start_arguments_read(const struct start_program *program, int count, char **values,
                     struct start_arguments *ret_arguments)
{
    static const struct option options[] = {{"check", no_argument, NULL, 'C'},
                                            {"print-config", no_argument, NULL, 'P'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option, code = -1;
    *ret_arguments = (struct start_arguments){.file = program->file};
    while (code < 0 && (option = getopt_long(count, values, "c:vVh", options, NULL)) != -1)
        code = option_take(program, option, ret_arguments);
    if (code < 0 && optind < count) {
        fprintf(stderr, "%s: \"%s\": no argument expected here\n", program->name, values[optind]);
        usage(program, stderr);
        code = START_EXIT_USAGE;
    }
    return code;
}

void
start_config_print(const struct config *config)
{
    struct octets_buffer text;
    octets_buffer_init(&text);
    config_print(config, &text);
    fwrite(text.data, 1, text.length, stdout);
    octets_buffer_close(&text);
}

bool
start_state_directory(const char *path, const char *user, struct fault *fault)
{
    uid_t uid;
    gid_t gid;
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return fault_set_errno(fault, errno, "server.state-directory: cannot make %s", path);
    if (!privileges_is_root() || user[0] == '\0')
        return true;
    if (!privileges_find_user(user, &uid, &gid, fault))
        return fault_wrap(fault, "server.user");
    if (chown(path, uid, gid) != 0)
        return fault_set_errno(fault, errno, "server.state-directory: cannot give %s to %s", path,
                               user);
    return true;
}

void
start_descriptor_limit_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void
on_watchdog(void *context)
{
    (void)context;
    service_watchdog();
}

struct loop_timer *
start_watchdog(struct loop *loop)
{
    struct loop_timer *timer = loop_timer_new(loop, on_watchdog, NULL);
    if (service_watchdog_ms() > 0)
        loop_timer_start(timer, 0, service_watchdog_ms());
    return timer;
}
