// The verbs `alias list | show | history | refresh`. The context is struct program.
#ifndef TANDEM_PRIMARY_ALIAS_VERBS_H
#define TANDEM_PRIMARY_ALIAS_VERBS_H

#include "common/daemon/control.h"

void alias_list_handle(void *context, struct control_request *request);
void alias_show_handle(void *context, struct control_request *request);
void alias_history_handle(void *context, struct control_request *request);
void alias_refresh_handle(void *context, struct control_request *request);

#endif
