// A naive zone for property tests: a list of RRs, nothing else. What the store and its lookups answer by hash, index
// and overlay, the model answers by looking at every name. Random edits come from a seed, so that a failure
// can be had again.
#ifndef TANDEM_TESTS_ZONE_MODEL_H
#define TANDEM_TESTS_ZONE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "common/zone/draft.h"
#include "common/zone/version.h"

struct model_rr {
    uint8_t owner[NAME_SIZE_MAX];
    uint16_t type;
    uint32_t ttl;
    uint16_t rdlength;
    uint8_t rdata[64];
};
struct model {
    uint8_t apex[NAME_SIZE_MAX];
    struct vector rrs; // struct model_rr, in any order, no duplicates
    bool nsec3; // random edits and names play with NSEC3 too
};

struct random {
    uint64_t state;
};
uint32_t random_below(struct random *random, uint32_t limit);

// A name, relative to example.gov where it has no final dot. Good until seven more were asked for.
const uint8_t *model_wire(const char *text);

// With an SOA and an NS at the apex.
void model_init(struct model *model, const char *apex);
void model_close(struct model *model);
void model_copy(struct model *to, const struct model *from);
void model_put(struct model *model, const uint8_t *owner, uint16_t type, uint32_t ttl,
               const uint8_t *rdata, uint16_t rdlength);
// type 0: all RRs of the owner.
void model_remove(struct model *model, const uint8_t *owner, uint16_t type);
// A name of up to depth labels below the apex out of a small alphabet, so that names meet.
void model_random_name(const struct model *model, struct random *random, unsigned depth,
                       uint8_t ret_name[static NAME_SIZE_MAX]);
// One edit: RRs put or removed; cuts, DNAMEs, wildcards, NSECs and signatures come and go. With nsec3 also the chains of
// several parameters, NSEC3 where none belongs, data at and below hashed names, and the kind of denial.
void model_random_edit(struct model *model, struct random *random);
void model_set_serial(struct model *model, uint32_t serial);

// Sealed.
struct draft *model_draft(const struct model *model);
bool model_has_data(const struct model *model, const uint8_t *name);
// Data at it, but for NSEC3 alone, or anything below it.
bool model_exists(const struct model *model, const uint8_t *name);

// Prints and aborts unless the version is the model: walk, counts, every lookup of every name of the model and of
// queries random ones (exact, encloser, wildcard, cut, DNAME, NSEC predecessor).
void model_check_version(const struct model *model, const struct version *version,
                         struct random *random, unsigned queries);
// Octet for octet the same content (walk only); false where it is not.
bool model_is_version(const struct model *model, const struct version *version);

#endif
