// `zone export`: a zone as a master file in pieces, as the client takes them; the version or source
// is held meanwhile, so that newer ones may be published. Loop's thread.
#ifndef TANDEM_PRIMARY_EXPORT_H
#define TANDEM_PRIMARY_EXPORT_H

#include "common/daemon/control.h"
#include "primary/keeper.h"

// The served version, or the zone file's content (with its ALIAS records). Ends the request.
void export_version(struct control_request **request, const struct keeper *keeper);
void export_source(struct control_request **request, const struct keeper *keeper);
// There is none: says why. Ends the request.
void export_nothing(struct control_request **request, const struct keeper *keeper);

#endif
