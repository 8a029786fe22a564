// What a request says, for the handlers.
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/daemon/control_inside.h"

const char *
control_object(const struct control_request *request)
{
    return request->call.object;
}

const char *
control_verb(const struct control_request *request)
{
    return request->call.verb;
}

size_t
control_argument_count(const struct control_request *request)
{
    return request->call.argument_count;
}

const char *
control_argument(const struct control_request *request, size_t index)
{
    return index < request->call.argument_count ? request->call.arguments[index] : NULL;
}

const char *
control_option(struct control_request *request, const char *name)
{
    const struct json_value *options = json_value_get(request->call.value, "options");
    const struct json_value *value = json_value_get(options, name);
    switch (json_value_kind(value)) {
    case JSON_VALUE_TEXT:
        return json_value_as_text(value, "");
    case JSON_VALUE_INTEGER:
        snprintf(request->option_text, sizeof request->option_text, "%lld",
                 (long long)json_value_get_integer(options, name, 0));
        return request->option_text;
    case JSON_VALUE_BOOLEAN:
        return json_value_get_boolean(options, name, false) ? "true" : NULL;
    case JSON_VALUE_NULL:
    case JSON_VALUE_NUMBER:
    case JSON_VALUE_ARRAY:
    case JSON_VALUE_OBJECT:
        return NULL;
    }
    return NULL;
}

bool
control_dry_run(const struct control_request *request)
{
    return request->call.dry_run;
}

bool
control_wait(const struct control_request *request)
{
    return request->call.wait;
}

uid_t
control_uid(const struct control_request *request)
{
    return request->uid;
}

gid_t
control_gid(const struct control_request *request)
{
    return request->gid;
}

bool
control_may_use_keys(const struct control_request *request)
{
    return request->uid == 0 || request->uid == request->daemon_uid;
}

bool
control_client_is_there(const struct control_request *request)
{
    if (!request->client)
        return false;
    struct pollfd poll_fd = {.fd = request->client->fd};
    return poll(&poll_fd, 1, 0) == 0 || !(poll_fd.revents & (POLLHUP | POLLERR));
}

size_t
control_descriptor_count(const struct control_request *request)
{
    return request->descriptor_count;
}

int
control_take_descriptor(struct control_request *request, size_t index)
{
    if (index >= request->descriptor_count)
        return -1;
    int fd = request->descriptors[index];
    request->descriptors[index] = -1;
    return fd;
}

const struct json_value *
control_request_value(const struct control_request *request)
{
    return request->call.value;
}

void
control_request_descriptors_close(int *descriptors, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        if (descriptors[i] >= 0)
            close(descriptors[i]);
    *count = 0;
}

void
control_request_free(struct control_request **request)
{
    if ((*request)->client)
        (*request)->client->request = NULL;
    control_request_descriptors_close((*request)->descriptors, &(*request)->descriptor_count);
    control_call_close(&(*request)->call);
    free(*request);
    *request = NULL;
}

int
control_exit_of(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_NOT_FOUND:
        return CONTROL_NOT_FOUND;
    case FAULT_SYNTAX:
    case FAULT_CONFIG:
        return CONTROL_INVALID;
    case FAULT_TIMEOUT:
        return CONTROL_TIMEOUT;
    case FAULT_UNSUPPORTED:
        return CONTROL_USAGE;
    case FAULT_NONE:
    case FAULT_IO:
    case FAULT_EXISTS:
    case FAULT_REFUSED:
    case FAULT_LIMIT:
    case FAULT_CORRUPT:
    case FAULT_BUSY:
        return CONTROL_FAILED;
    }
    return CONTROL_FAILED;
}
