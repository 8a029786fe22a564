// needs: alias
// The saved sets, or history and rotation: a file with a digest that fits, but whatever content.
// Restored without a fault or refused; then an owner claims what is there for it, and it is saved
// again.
#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/zone/zonefile_read.h"
#include "primary/alias/book.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct draft *
source_make(void)
{
    static const char text[] = "$ORIGIN example.gov.\n@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\n"
                               "@ 60 ALIAS lb.out.\n";
    static const uint8_t apex[] = "\7example\3gov";
    struct vector errors;
    struct draft *draft = draft_new(apex);
    zonefile_read_memory("fuzz", text, sizeof text - 1, NULL, draft, NULL, &errors);
    zonefile_errors_close(&errors);
    ENSURE(draft_seal(draft, NULL, NULL));
    return draft;
}

static void
digest_add(struct octets_buffer *buffer)
{
    struct hash_digest digest;
    hash_digest_octets(buffer->data, buffer->length, &digest);
    octets_buffer_add(buffer, digest.octets, sizeof digest.octets);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rules rules = {
        .ttl_seconds = 60, .refresh_seconds = 30, .hold_seconds = 60, .max_addresses = 64};
    struct book_options options = {.seed = 1};
    struct book_now now = {.seconds = 1800000000, .ms = 1000};
    struct octets_buffer file, again;
    struct draft *source = source_make();
    struct book *book = book_new(&options);
    octets_buffer_init(&file);
    octets_buffer_init(&again);
    octets_buffer_add(&file, data, size);
    digest_add(&file);
    if (book_restore(book, file.data, file.length) ||
        book_past_restore(book, file.data, file.length, now)) {
        book_zone_follow(book, draft_apex(source), &rules, source, true, now);
        book_settle(book, now);
        now.seconds += 3600;
        book_age(book, now);
        book_save(book, &again);
        again.length = 0;
        book_past_save(book, &again);
    }
    book_free(&book);
    draft_free(&source);
    octets_buffer_close(&file);
    octets_buffer_close(&again);
    return 0;
}
