// One message of a transfer out being written: header, question in the first, RRs with their owners
// compressed against the one before, the OPT. What goes into it is the caller's. No allocation; the
// memory is the caller's.
#ifndef TANDEM_TRANSFER_TRANSFER_MESSAGE_H
#define TANDEM_TRANSFER_TRANSFER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/dns/edns.h"
#include "common/dns/message_read.h"
#include "common/dns/message_write.h"
#include "common/transfer/owner_table.h"
#include "common/zone/diff.h"
#include "common/zone/node.h"

// A message with so many octets and RRs takes no more: what stands further on than a pointer
// reaches (14 bits) would be written out again and again, and a transfer be a tenth longer. (Fewer
// RRs, where they are large: clients tell the answers to an IXFR apart by the first two or three.)
#define TRANSFER_MESSAGE_ENOUGH  0x4000
#define TRANSFER_MESSAGE_RRS_MIN 3

struct transfer_message {
    struct message_writer writer;
    struct owner_table owners;
    uint16_t count;           // of RRs in the answer section
    const uint8_t *run_owner; // of transfer_message_add_run before: written last. NULL: another
};
// question: NULL but in the first message. size: without what is to stand behind the answer
// section.
void transfer_message_begin(struct transfer_message *message, void *memory, size_t size,
                            uint16_t id, uint16_t flags, const struct message_question *question);
// Goes on with a message that was begun elsewhere: its header, question and count RRs, end octets
// of it, are copied.
void transfer_message_resume(struct transfer_message *message, void *memory, size_t size,
                             const uint8_t *begun, size_t end, uint16_t count);
// Adds an RR; false, and the message as before, when it does not fit or there is enough. The first
// is for an RR of a stored run, whose type to RDLENGTH stand before its RDATA as they go out.
bool transfer_message_add(struct transfer_message *message, const uint8_t *owner,
                          const struct rr *rr);
bool transfer_message_add_diff(struct transfer_message *message, const struct diff_rr *rr);
// Adds RRs of a stored run from *position on, as many as fit, and moves *position behind them;
// gives their number. owner: not changed while the message is written.
unsigned transfer_message_add_run(struct transfer_message *message, const uint8_t *owner,
                                  struct octets run, uint32_t *position);
// The counts and the OPT, for which edns_size was left out of the size; NULL: none. Gives the
// length.
size_t transfer_message_end(struct transfer_message *message, const struct edns_answer *opt);

#endif
