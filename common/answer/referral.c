#include "common/answer/referral.h"

#include "common/answer/additional.h"
#include "common/dns/rrtype.h"

// The parent's word on whether the child is signed.
static bool
security_add(struct reply *reply, const struct version *version, const struct node *cut,
             struct denial *denial)
{
    struct rrset ds;
    if (!reply->dnssec_ok)
        return true;
    if (!node_rrset_find(cut, RRTYPE_DS, &ds))
        return !version_facts(version)->is_signed || denial_no_ds(version, cut, denial);
    struct reply_rrset add = {
        .section = MESSAGE_AUTHORITY, .owner = node_owner(cut), .rrset = &ds, .signatures = true};
    reply_add(reply, &add, NULL);
    return true;
}

bool
referral_add(struct reply *reply, const struct version *version, const struct node *cut,
             struct denial *denial, struct additional *ret_glue)
{
    struct reply_rrset add = {
        .section = MESSAGE_AUTHORITY, .owner = node_owner(cut), .rrset = &ret_glue->rrset};
    if (!node_rrset_find(cut, RRTYPE_NS, &ret_glue->rrset))
        return false;
    ret_glue->version = version;
    ret_glue->owner = node_owner(cut);
    reply_add(reply, &add, &ret_glue->offset);
    return security_add(reply, version, cut, denial);
}
