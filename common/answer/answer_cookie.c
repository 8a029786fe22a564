#include "common/answer/answer.h"

bool
answer_cookie(const struct answer_service *service, const struct answer_client *client,
              const struct edns *asked, uint8_t ret_cookie[static ANSWER_COOKIE_SIZE])
{
    if (!service->cookies_on || service->cookies.count == 0 ||
        asked->cookie_length < COOKIE_CLIENT_SIZE)
        return false;
    cookie_make(&service->cookies, asked->cookie, client->address, client->address_length,
                (uint32_t)client->now, ret_cookie);
    return true;
}
