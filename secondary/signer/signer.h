// The signer process: settings in, keepers, messages to and from the supervisor. Holds the private
// keys; has no socket but the connection with its parent.
#ifndef TANDEM_SIGNER_SIGNER_H
#define TANDEM_SIGNER_SIGNER_H

struct loop;
struct signer;

// link_fd: the connection with the supervisor (taken over).
struct signer *signer_new(struct loop *loop, int link_fd);
void signer_free(struct signer **signer); // after loop_run
int signer_exit_code(const struct signer *signer);

#endif
