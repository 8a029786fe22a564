// SvcParams of SVCB and HTTPS (RFC 9460 section 2.1 and appendix A) as text, both ways. For rdata_parse and
// rdata_print only.
#ifndef TANDEM_DNS_RDATA_SVCB_H
#define TANDEM_DNS_RDATA_SVCB_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/base/octets.h"

#define RDATA_SVCB_PARAMS_MAX 64 // parameters of one RR; nine are defined

// Reads key=value words to the end of the text, in any order, and writes them in ascending order.
bool rdata_svcb_parse(const char **at, struct octets_writer *writer, struct fault *fault);
// Appends " key=value" for each; false when the parameters run over the reader's end.
bool rdata_svcb_print(struct octets_reader *reader, struct octets_buffer *text);

#endif
