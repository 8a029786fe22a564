// Makes the signed record of one owner: its unsigned RRsets, its NSEC or the NSEC3 that stands
// there, the signatures that its standing asks for; old signatures stay where sign_rrset keeps
// them. A hand is one thread's tools; records are built in its arena.
#ifndef TANDEM_SIGN_SIGN_NODE_H
#define TANDEM_SIGN_SIGN_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/zone/node.h"
#include "secondary/signer/sign/nsec3_chain.h"
#include "secondary/signer/sign/nsec_chain.h"
#include "secondary/signer/sign/sign_rrset.h"

struct sign_item {
    const struct node *content; // whose unsigned RRsets the owner shall have; NULL: none
    const struct node *old;     // the served record; NULL: none
    const uint8_t *next;        // of its NSEC; NULL: it has none
    const struct node *result;  // filled: old where nothing changes, NULL where the owner goes
    uint32_t link;              // 1 + index of the NSEC3 that stands here; 0: none
    uint8_t standing;           // enum node_standing
    bool must_verify;           // see sign_result
};
#define SIGN_APEX_ADDED_MAX 8
// RRsets that a signer may add to a record at most: those at the apex, and an NSEC or NSEC3. Content
// has that much less than NODE_RRSETS_MAX.
#define SIGN_ADDED_MAX (SIGN_APEX_ADDED_MAX + 1)
// The same for all records of a zone.
struct sign_common {
    const uint8_t *apex;
    const struct rrset *soa; // in place of the content's; needed when the apex is made
    // What else a signer puts at the apex: DNSKEY, NSEC3PARAM, ZONEMD.
    const struct rrset *added[SIGN_APEX_ADDED_MAX];
    unsigned added_count;
    // The one of them that is left unsigned for now (its digest is not known), else NULL.
    const struct rrset *unsigned_yet;
    const struct nsec3_parameters *nsec3; // NULL: denial by NSEC
    const struct nsec3_link *links;       // of the plan
    const struct sign_item *items;        // of the plan: what links refer to
    uint32_t nsec_ttl;
    bool force;
    int64_t now;
};
struct sign_hand {
    struct sign_context *context; // borrowed
    struct arena *arena;
    struct rrset *rrsets; // NODE_RRSETS_MAX + SIGN_ADDED_MAX
    size_t *run_at;       // where each one's signatures begin in run
    struct octets_buffer run, nsec;
};
void sign_hand_init(struct sign_hand *hand, struct sign_context *context);
void sign_hand_close(struct sign_hand *hand);

// Whether the RRset of a record is signed: an NSEC3 always is, whatever else stands at its owner
// (RFC 5155 sections 7.1 and 10.2).
bool sign_standing_signs(enum node_standing standing, uint16_t type);
// Whether the record would come out as it is served: nothing to sign, nothing to change.
bool sign_node_is_settled(struct sign_hand *hand, const struct sign_common *common,
                          const struct sign_item *item, bool apex);
// Fills item->result. False: libcrypto failed.
bool sign_node(struct sign_hand *hand, const struct sign_common *common, struct sign_item *item,
               bool apex);
// Puts the RRset that was unsigned_yet, complete now, with its signatures into item->result. False:
// libcrypto failed.
bool sign_node_finish(struct sign_hand *hand, const struct sign_common *common,
                      struct sign_item *item, const struct rrset *rrset);

#endif
