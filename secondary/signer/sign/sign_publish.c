#include "secondary/signer/sign/sign_publish.h"

#include "common/dns/name.h"

bool
sign_publish(struct store *store, const uint8_t *apex, const struct diff *diff,
             const struct version_facts *facts, struct fault *fault)
{
    const struct version *current = store_current(store);
    ENSURE(!current || name_equal(version_apex(current), apex));
    return current && !diff->damaged ? store_publish_diff(store, diff, facts, fault)
                                     : store_publish_records(store, diff, facts, fault);
}
