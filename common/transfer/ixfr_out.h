// An IXFR query answered (RFC 1995). This version keeps no journal: the answer is one SOA when the
// client is up to date (or asked over UDP), else the whole zone in AXFR form (section 4), which
// every client takes.
#ifndef TANDEM_TRANSFER_IXFR_OUT_H
#define TANDEM_TRANSFER_IXFR_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/transfer/axfr_out.h"

// The serial that the client holds: the SOA in the query's authority section. False: not an IXFR
// query (FORMERR).
bool ixfr_out_read_query(const uint8_t *message, size_t length, uint32_t *ret_serial);
// True: answer with axfr_out_options.soa_only. The client holds this version or one after it (RFC
// 1982), or came over UDP, where one SOA says "come by TCP".
bool ixfr_out_soa_suffices(const struct version *version, uint32_t client_serial, bool udp);

#endif
