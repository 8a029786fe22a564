// Makes the signed record of one owner: its unsigned RRsets, its NSEC, the signatures that its
// standing asks for; old signatures stay where sign_rrset keeps them. A hand is one thread's tools;
// records are built in its arena.
#ifndef TANDEM_SIGN_SIGN_NODE_H
#define TANDEM_SIGN_SIGN_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/zone/node.h"
#include "secondary/signer/sign/nsec_chain.h"
#include "secondary/signer/sign/sign_rrset.h"

struct sign_item {
    const struct node *content; // whose unsigned RRsets the owner shall have; NULL: the owner goes
    const struct node *old;     // the served record; NULL: none
    const uint8_t *next;        // of its NSEC; NULL: it has none
    enum node_standing standing;
    bool must_verify;          // see sign_result
    const struct node *result; // filled: old where nothing changes, NULL where the owner goes
};
// The same for all records of a zone.
struct sign_common {
    const struct rrset *soa, *dnskey; // the apex's, in place of those of the content
    uint32_t nsec_ttl;
    bool force;
    int64_t now;
};
struct sign_hand {
    struct sign_context *context; // borrowed
    struct arena *arena;
    struct rrset *rrsets; // NODE_RRSETS_MAX + 2
    size_t *run_at;       // where each one's signatures begin in run
    struct octets_buffer run, nsec;
};
void sign_hand_init(struct sign_hand *hand, struct sign_context *context);
void sign_hand_close(struct sign_hand *hand);

// Whether the RRset of a record is signed.
bool sign_standing_signs(enum node_standing standing, uint16_t type);
// Whether the record would come out as it is served: nothing to sign, nothing to change.
bool sign_node_is_settled(struct sign_hand *hand, const struct sign_common *common,
                          const struct sign_item *item, bool apex);
// Fills item->result. False: libcrypto failed.
bool sign_node(struct sign_hand *hand, const struct sign_common *common, struct sign_item *item,
               bool apex);

#endif
