// tandem-primary: reads its settings, opens its sockets, gives up its privileges, and lets the
// program run.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
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
#include "common/daemon/signals.h"
#include "common/net/listen.h"
#include "primary/check.h"
#include "primary/pages.h"
#include "primary/program.h"
#include "primary/verbs.h"

#define EXIT_RUNTIME 1
#define EXIT_USAGE   2
#define EXIT_CONFIG  78
#define FILE_DEFAULT "/etc/tandem/primary.yaml"

struct arguments {
    const char *file;
    bool check, print_config;
    unsigned verbose;
};

static void
usage(FILE *to)
{
    fprintf(to,
            "usage: tandem-primary [-c FILE] [--check] [--print-config] [-v] [-V] [-h]\n"
            "  -c FILE         configuration, default " FILE_DEFAULT "\n"
            "  --check         read the settings and all zone files, start nothing; 0 valid, 78 "
            "invalid\n"
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
    while ((option = getopt_long(count, values, "c:vVh", options, NULL)) != -1)
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
            printf("tandem-primary %s\n", TANDEM_VERSION);
            return 0;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    if (optind < count) {
        fprintf(stderr, "tandem-primary: \"%s\": no argument expected here\n", values[optind]);
        usage(stderr);
        return EXIT_USAGE;
    }
    return -1;
}

// Made while we may: the user who writes in it often may not.
static bool
make_state_directory(const struct primary_settings *settings, struct fault *fault)
{
    const char *path = settings->state_directory;
    uid_t uid;
    gid_t gid;
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return fault_set_errno(fault, errno, "server.state-directory: cannot make %s", path);
    if (!privileges_is_root() || settings->user[0] == '\0')
        return true;
    if (!privileges_find_user(settings->user, &uid, &gid, fault))
        return fault_wrap(fault, "server.user");
    if (chown(path, uid, gid) != 0)
        return fault_set_errno(fault, errno, "server.state-directory: cannot give %s to %s", path,
                               settings->user);
    return true;
}

// The doors to operators.
struct doors {
    int control_fd, http_fd;
    struct control *control;
    struct http *http;
};

static bool
doors_listen(const struct primary_settings *settings, struct doors *doors, struct fault *fault)
{
    struct listen_options options = {0};
    *doors = (struct doors){.control_fd = -1, .http_fd = -1};
    doors->control_fd = control_listen(settings->control_socket, NULL, fault);
    if (doors->control_fd < 0)
        return false;
    return !address_is_set(&settings->http.listen) ||
           listen_tcp(&settings->http.listen, &options, &doors->http_fd, fault) ||
           fault_wrap(fault, "http.listen");
}

static bool
doors_open(struct loop *loop, struct program *program, const char *socket, struct doors *doors,
           struct fault *fault)
{
    size_t route_count;
    const struct http_route *routes = pages_table(&route_count);
    struct control_options options = {.path = socket, .context = program, .daemon_uid = getuid()};
    options.verbs = verbs_table(&options.verb_count);
    int fd = doors->control_fd;
    doors->control_fd = -1;
    if (!control_open_socket(&doors->control, loop, fd, &options, fault))
        return false;
    fd = doors->http_fd;
    doors->http_fd = -1;
    return fd < 0 || http_open_socket(&doors->http, loop, fd, routes, route_count, program, fault);
}

static void
doors_close(struct doors *doors, const char *socket)
{
    if (doors->control || doors->control_fd >= 0)
        unlink(socket);
    control_close(&doors->control);
    http_close(&doors->http);
    if (doors->control_fd >= 0)
        close(doors->control_fd);
    if (doors->http_fd >= 0)
        close(doors->http_fd);
}

static void
on_stop(void *context)
{
    log_info("stopping");
    program_stop(context);
}

static void
on_reload(void *context)
{
    if (!program_reload(context, NULL, NULL))
        log_warning("reload asked for too often: one is under way");
}

static void
on_watchdog(void *context)
{
    (void)context;
    service_watchdog();
}

static void
run_loop(struct loop *loop, struct program *program)
{
    struct signals_events events = {.stop = on_stop, .reload = on_reload};
    struct signals *signals = signals_new(loop, &events, program);
    struct loop_timer *watchdog = loop_timer_new(loop, on_watchdog, NULL);
    if (service_watchdog_ms() > 0)
        loop_timer_start(watchdog, 0, service_watchdog_ms());
    loop_run(loop);
    loop_timer_free(&watchdog);
    signals_free(&signals);
}

// The directory of each zone's store is a descriptor, which keeps other processes out of it.
// Nothing of ours walks over all descriptors.
static void
raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int
run(struct primary_settings **settings, const struct arguments *arguments)
{
    struct fault fault = {0};
    struct doors doors = {.control_fd = -1, .http_fd = -1};
    struct loop *loop = loop_new();
    struct program *program = NULL;
    struct program_options options = {
        .loop = loop, .file = arguments->file, .settings = settings, .verbose = arguments->verbose};
    char *user = strdup((*settings)->user), *socket = strdup((*settings)->control_socket);
    struct privileges_options drop = {.user = user};
    raise_descriptor_limit();
    bool good = service_open(&fault) && make_state_directory(*settings, &fault) &&
                doors_listen(*settings, &doors, &fault) &&
                program_new(&options, &program, &fault) && privileges_drop(&drop, &fault) &&
                program_start(program, &fault) &&
                doors_open(loop, program, socket, &doors, &fault) &&
                privileges_seccomp(PRIVILEGES_PRIMARY, &fault);
    if (good)
        run_loop(loop, program);
    else
        log_error(fault.text);
    doors_close(&doors, socket);
    program_free(&program);
    loop_free(&loop);
    service_close();
    free(user);
    free(socket);
    if (!good && fault.kind == FAULT_CONFIG)
        return EXIT_CONFIG;
    return good ? 0 : EXIT_RUNTIME;
}

static int
show(const struct primary_settings *settings, const struct arguments *arguments)
{
    struct octets_buffer text;
    size_t broken;
    if (arguments->print_config) {
        octets_buffer_init(&text);
        config_print(settings->config, &text);
        fwrite(text.data, 1, text.length, stdout);
        octets_buffer_close(&text);
        return 0;
    }
    broken = check_zones(settings, stderr);
    if (broken > 0)
        printf("%s: valid, but %zu of %zu zones are broken\n", arguments->file, broken,
               settings->zone_count);
    else
        printf("%s: valid, %zu zone%s\n", arguments->file, settings->zone_count,
               settings->zone_count == 1 ? "" : "s");
    return broken > 0 ? EXIT_CONFIG : 0;
}

int
main(int count, char **values)
{
    struct arguments arguments = {.file = FILE_DEFAULT};
    struct primary_settings *settings = NULL;
    struct config_errors errors;
    int code = read_arguments(count, values, &arguments);
    if (code >= 0)
        return code;
    log_open("primary", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    signal(SIGXFSZ, SIG_IGN); // a limit of file sizes is a failed write like any other, not our end
    if (sodium_init() < 0) {
        log_error("the cryptographic library cannot start: no source of randomness");
        return EXIT_RUNTIME;
    }
    config_errors_init(&errors);
    bool valid = primary_settings_load(arguments.file, &settings, &errors);
    config_errors_print(&errors, stderr);
    config_errors_close(&errors);
    if (!valid)
        return EXIT_CONFIG;
    if (arguments.print_config || arguments.check) {
        code = show(settings, &arguments);
    } else {
        log_open("primary", arguments.verbose > 0 ? LOG_LEVEL_DEBUG : settings->log.level,
                 settings->log.format);
        code = run(&settings, &arguments);
    }
    primary_settings_free(&settings);
    return code;
}
