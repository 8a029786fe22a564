// How can a memory of pointers into maps that come and go be right? A version that is mapped has a
// number that no other ever gets in this process (version_identity), and within one version a
// record is that of one name. Both are compared in full, so a place is either of this very encloser
// in this very version or it is emptied; what belongs to versions long gone is never followed. The
// hash of the address only chooses the place, which successive versions that share a record share.
#include "common/answer/denial_memo.h"

#define TURN UINT64_C(0x9e3779b97f4a7c15) // odd, its bits without order: the golden ratio's

_Static_assert((DENIAL_MEMO_PLACES & (DENIAL_MEMO_PLACES - 1)) == 0, "a power of two");

struct denial_memo_place *
denial_memo_at(struct denial_memo *memo, const struct version *version, const struct node *encloser)
{
    uint64_t identity = version_identity(version);
    uint64_t hash = (uint64_t)(uintptr_t)encloser * TURN;
    struct denial_memo_place *place = memo->places + (hash >> 32) % DENIAL_MEMO_PLACES;
    if (place->version != identity || place->encloser != encloser)
        *place = (struct denial_memo_place){.version = identity, .encloser = encloser};
    return place;
}
