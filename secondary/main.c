// tandem-secondary: reads its settings, opens its sockets, starts the roles and watches over them.
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "common/daemon/config_print.h"
#include "common/daemon/log.h"
#include "common/daemon/privileges.h"
#include "common/daemon/service.h"
#include "common/daemon/settings_secondary.h"
#include "common/daemon/signals.h"
#include "common/net/loop.h"
#include "secondary/supervisor.h"

#define EXIT_RUNTIME 1
#define EXIT_USAGE   2
#define EXIT_CONFIG  78
#define FILE_DEFAULT "/etc/tandem/secondary.yaml"

// What the supervisor may still do as root: become other users in its children (who drop
// everything), end them, make an empty root for the servers, and hand the state directory to the
// user.
#include <linux/capability.h>
#define CAP(name) (1ULL << (name))
#define SUPERVISOR_CAPABILITIES                                                                    \
    (CAP(CAP_SETUID) | CAP(CAP_SETGID) | CAP(CAP_SETPCAP) | CAP(CAP_KILL) | CAP(CAP_SYS_CHROOT) |  \
     CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FOWNER))

struct arguments {
    const char *file;
    bool check, print_config;
    unsigned verbose;
};

static void
usage(FILE *to)
{
    fprintf(to, "usage: tandem-secondary [-c FILE] [--check] [--print-config] [-v] [-V] [-h]\n"
                "  -c FILE         configuration, default " FILE_DEFAULT "\n"
                "  --check         read and check everything, start nothing; 0 valid, 78 invalid\n"
                "  --print-config  show the settings in force, defaults included\n"
                "  -v              log more (debug)\n"
                "  -V              version\n"
                "  -h              this help\n");
}

// Gives -1 to go on, else the exit code.
static int
read_arguments(int count, char **values, struct arguments *ret_arguments)
{
    static const struct option options[] = {{"check", no_argument, NULL, 'C'},
                                            {"print-config", no_argument, NULL, 'P'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(count, values, "c:vVh", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            ret_arguments->file = optarg;
            break;
        case 'C':
            ret_arguments->check = true;
            break;
        case 'P':
            ret_arguments->print_config = true;
            break;
        case 'v':
            ret_arguments->verbose++;
            break;
        case 'V':
            printf("tandem-secondary %s\n", TANDEM_VERSION);
            return 0;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < count) {
        fprintf(stderr, "tandem-secondary: \"%s\": no argument expected here\n", values[optind]);
        usage(stderr);
        return EXIT_USAGE;
    }
    return -1;
}

// Beside our own executable when it was started from a build tree, else where it was installed.
static const char *
roles_directory(char path[static PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 32);
    if (length > 0) {
        path[length] = '\0';
        char *slash = strrchr(path, '/');
        memcpy(slash + 1, "tandem-signer", sizeof "tandem-signer");
        if (access(path, X_OK) == 0) {
            *slash = '\0';
            return path;
        }
    }
    return TANDEM_LIBEXEC;
}

// Made here because the roles, who write in it, have no right to make it.
static bool
make_state_directory(const struct secondary_settings *settings, struct fault *fault)
{
    const char *path = settings->state_directory;
    if (mkdir(path, 0750) != 0 && errno != EEXIST) {
        return fault_set_errno(fault, errno, "server.state-directory: cannot make %s", path);
    }
    if (!privileges_is_root() || settings->user[0] == '\0') {
        return true;
    }
    uid_t uid;
    gid_t gid;
    if (!privileges_find_user(settings->user, &uid, &gid, fault)) {
        return fault_wrap(fault, "server.user");
    }
    if (chown(path, uid, gid) != 0) {
        return fault_set_errno(fault, errno, "server.state-directory: cannot give %s to %s", path,
                               settings->user);
    }
    return true;
}

// Versions of thousands of zones are descriptors here and in the servers, and twice as many while a
// server that was restarted reads them. Nothing of ours walks over all descriptors.
static void
raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void
on_stop(void *context)
{
    supervisor_stop(context);
}

static void
on_reload(void *context)
{
    supervisor_reload(context);
}

static void
on_child(void *context)
{
    supervisor_children_died(context);
}

static void
on_watchdog(void *context)
{
    (void)context;
    service_watchdog();
}

static int
run(struct secondary_settings **settings, const struct arguments *arguments)
{
    struct fault fault = {0};
    char path[PATH_MAX];
    raise_descriptor_limit();
    struct supervisor_options options = {.file = arguments->file,
                                         .directory = roles_directory(path),
                                         .verbose = arguments->verbose > 0};
    struct loop *loop = loop_new();
    struct supervisor *supervisor = NULL;
    struct privileges_options drop = {.keep_capabilities = SUPERVISOR_CAPABILITIES};
    int code = EXIT_RUNTIME;
    bool good = service_open(&fault) && make_state_directory(*settings, &fault) &&
                supervisor_new(loop, settings, &options, &supervisor, &fault) &&
                privileges_drop(&drop, &fault);
    if (good) {
        struct signals_events events = {.stop = on_stop, .reload = on_reload, .child = on_child};
        struct signals *signals = signals_new(loop, &events, supervisor);
        struct loop_timer *watchdog = loop_timer_new(loop, on_watchdog, NULL);
        if (service_watchdog_ms() > 0) {
            loop_timer_start(watchdog, 0, service_watchdog_ms());
        }
        good = supervisor_start(supervisor, &fault);
        if (good) {
            loop_run(loop);
            code = supervisor_exit_code(supervisor);
        }
        loop_timer_free(&watchdog);
        signals_free(&signals);
    }
    if (!good) {
        log_error(fault.text);
    }
    supervisor_free(&supervisor);
    loop_free(&loop);
    service_close();
    return code;
}

int
main(int count, char **values)
{
    struct arguments arguments = {.file = FILE_DEFAULT};
    int code = read_arguments(count, values, &arguments);
    if (code >= 0) {
        return code;
    }
    log_open("supervisor", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    if (sodium_init() < 0) {
        log_error("the cryptographic library cannot start: no source of randomness");
        return EXIT_RUNTIME;
    }
    struct secondary_settings *settings = NULL;
    struct config_errors errors;
    config_errors_init(&errors);
    bool valid = secondary_settings_load(arguments.file, &settings, &errors);
    config_errors_print(&errors, stderr);
    config_errors_close(&errors);
    if (!valid) {
        return EXIT_CONFIG;
    }
    if (arguments.print_config) {
        struct octets_buffer text;
        octets_buffer_init(&text);
        config_print(settings->config, &text);
        fwrite(text.data, 1, text.length, stdout);
        octets_buffer_close(&text);
    } else if (arguments.check) {
        printf("%s: valid, %zu zone%s\n", arguments.file, settings->zone_count,
               settings->zone_count == 1 ? "" : "s");
    } else {
        if (arguments.verbose > 0) {
            settings->log.level = LOG_LEVEL_DEBUG;
        }
        log_open("supervisor", settings->log.level, settings->log.format);
        code = run(&settings, &arguments);
        secondary_settings_free(&settings);
        return code;
    }
    secondary_settings_free(&settings);
    return 0;
}
