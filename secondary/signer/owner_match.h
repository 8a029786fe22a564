// The RRs that a transfer brings for one owner beside the record that is served: the same or not?
// In the unsigned view, and in any order within an RRset. Equal octets were checked when they came
// in, so nothing of what is equal is checked again.
#ifndef TANDEM_SIGNER_OWNER_MATCH_H
#define TANDEM_SIGNER_OWNER_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/transfer/rr_stream.h"
#include "common/zone/node.h"

#define OWNER_MATCH_SETS 16 // RRsets of a record that are told apart here; with more it differs

// A served record, laid open.
struct owner_match_set {
    struct rrset set;
    uint64_t met;      // bits of the RRs that were met: of the first 64
    uint32_t position; // in the run, of the RR that is expected next
    unsigned index;    // its number
};
struct owner_match {
    const struct node *node;
    bool apex;
    unsigned set_count;  // of the unsigned view: more than OWNER_MATCH_SETS are not in sets
    unsigned rr_count;   // of sets
    uint32_t run_octets; // of sets
    struct owner_match_set sets[OWNER_MATCH_SETS];
};
void owner_match_init(struct owner_match *match, const struct node *node, bool apex);
// True: the RRs are those of the record, TTLs included, each once; the serial of an apex's SOA
// aside. False: they may differ (an RRset that is too long to be told in another order counts as
// different). Once for each init.
bool owner_match_equal(struct owner_match *match, const struct rr_stream_view *views, size_t count);
// Octets that the record has without what a signer adds (node_size of node_build).
size_t owner_match_size(const struct owner_match *match);

#endif
