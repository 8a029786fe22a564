// What the supervisor keeps of the file's settings: all of it, but equal rules once, as the roles
// have it, and of the parsed file the root alone, for config_restart_changes. So a zone takes a
// fifth of what it takes as the file is read. No role has this, for none reads the file.
#ifndef TANDEM_SECONDARY_SETTINGS_KEEP_H
#define TANDEM_SECONDARY_SETTINGS_KEEP_H

#include "secondary/settings.h"

// Takes the settings over. zone_ids and extras of what is kept are empty.
struct role_settings *settings_keep(struct secondary_settings **settings);
void settings_keep_free(struct role_settings **kept);

#endif
