// What the two files of a transfer in tell each other; nobody else includes it. xfr_in has the
// messages and calls xfr_in_record, which has the records: whole zone or delta, and what either
// must be.
#ifndef TANDEM_TRANSFER_XFR_IN_INSIDE_H
#define TANDEM_TRANSFER_XFR_IN_INSIDE_H

#include "common/dns/message_read.h"
#include "common/transfer/xfr_in.h"

// The fault, which the caller wraps with zone, primary and message, is set; the rest of the
// transfer is void. Gives false.
bool xfr_in_refuse(struct xfr_in *transfer, enum xfr_in_reason reason);
// Takes the next record of the answer section, whose head is read; its RDATA is read from the
// reader.
bool xfr_in_take_rr(struct xfr_in *transfer, struct octets_reader *reader, struct message_rr *rr,
                    struct fault *fault);

#endif
