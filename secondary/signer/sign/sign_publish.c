#include "secondary/signer/sign/sign_publish.h"

#include "common/dns/name.h"
#include "secondary/signer/sign/expiry_queue.h"

// version_facts.first_expiration of the next version. What the diff takes away may have ended
// first: then it is too early, which costs a restart its speed and nothing else.
static uint32_t
first_expiration(const struct version *current, const struct diff *diff, uint32_t of_current)
{
    uint32_t fresh = diff_first_expiration(diff);
    if (!current || diff->damaged)
        return fresh;
    if (of_current == 0)
        of_current = version_facts(current)->first_expiration;
    if (of_current == 0)
        return version_facts(current)->is_signed ? 0 : fresh;
    return fresh != 0 && (int32_t)(fresh - of_current) < 0 ? fresh : of_current;
}

bool
sign_publish(struct store *store, const uint8_t *apex, const struct diff *diff,
             const struct version_facts *facts, struct fault *fault)
{
    const struct version *current = store_current(store);
    ENSURE(!current || name_equal(version_apex(current), apex));
    struct version_facts dated = *facts;
    dated.first_expiration = first_expiration(current, diff, facts->first_expiration);
    return current && !diff->damaged ? store_publish_diff(store, diff, &dated, fault)
                                     : store_publish_records(store, diff, &dated, fault);
}
