// The state at this moment, for the doors by which it is asked: the control socket and HTTP.
#include "common/daemon/clock.h"
#include "common/daemon/mail.h"
#include "secondary/desk/desk_inside.h"
#include "secondary/desk/status.h"
#include "secondary/desk/status_check.h"

int
desk_state_check(const struct desk *desk, struct json_value **ret_result)
{
    struct mail_status mail;
    mail_status(desk->mail, &mail);
    return status_check(&desk->known, &mail, clock_unix_seconds(), ret_result);
}

struct json_value *
desk_state_status(const struct desk *desk, int64_t now)
{
    struct mail_status mail;
    mail_status(desk->mail, &mail);
    return status_all(&desk->known, &mail, now);
}
