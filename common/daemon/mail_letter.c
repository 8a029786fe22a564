#include "common/daemon/mail_letter.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/octets.h"
#include "common/daemon/mail_content.h"

void
mail_letter_make(const struct json_value *content, uint64_t number, const char *from,
                 const char *host, struct mail_letter *ret_letter)
{
    const struct json_value *recipients = json_value_get(content, "recipients");
    size_t count = json_value_count(recipients);
    struct octets_buffer text;
    octets_buffer_init(&text);
    mail_content_render(content, from, host, &text);
    *ret_letter = (struct mail_letter){.number = number, .text_length = text.length};
    ret_letter->text = (char *)text.data; // handed over
    ret_letter->kind = memory_text(mail_content_kind(content));
    ret_letter->name = memory_text(json_value_get_text(content, "message_id", "mail"));
    ret_letter->name[strcspn(ret_letter->name, "@")] = '\0';
    ret_letter->recipients = memory_zalloc((count + 1) * sizeof *ret_letter->recipients);
    ret_letter->accepted = memory_zalloc((count + 1) * sizeof *ret_letter->accepted);
    for (size_t i = 0; i < count; i++)
        ret_letter->recipients[ret_letter->recipient_count++] =
            memory_text(json_value_as_text(json_value_at(recipients, i), ""));
}

void
mail_letter_close(struct mail_letter *letter)
{
    for (size_t i = 0; i < letter->recipient_count; i++)
        free(letter->recipients[i]);
    free(letter->recipients);
    free(letter->accepted);
    free(letter->text);
    free(letter->kind);
    free(letter->name);
    *letter = (struct mail_letter){.number = 0};
}
