#include "secondary/signer/sign/sign_publish.h"

#include "common/zone/draft.h"

static bool
publish_whole(struct store *store, const uint8_t *apex, const struct diff *diff,
              const struct version_facts *facts, struct fault *fault)
{
    struct draft *draft = draft_new(apex);
    struct draft_findings findings;
    for (size_t i = 0; i < diff->count; i++)
        if (diff->entries[i].new_node)
            draft_add_node(draft, diff->entries[i].new_node);
    bool good =
        draft_seal(draft, &findings, fault) && store_publish_draft(store, draft, facts, fault);
    draft_free(&draft);
    return good;
}

bool
sign_publish(struct store *store, const uint8_t *apex, const struct diff *diff,
             const struct version_facts *facts, struct fault *fault)
{
    return store_current(store) && !diff->damaged ? store_publish_diff(store, diff, facts, fault)
                                                  : publish_whole(store, apex, diff, facts, fault);
}
