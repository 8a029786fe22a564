// sodium_rate SECONDS PROCESSES: how many Ed25519 signatures libsodium makes, as `openssl speed`
// says it for libcrypto: that many processes at once, each alone with its key, signatures by second
// of CPU of a process, summed up, on stdout. What is signed is as long as what an RRSIG of one A
// signs (about 64 octets). tests/bench/sign compares the signer with it.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#define MESSAGE_OCTETS 64
#define BATCH          256 // signatures between two looks at the clock
#define PROCESSES_MAX  256

static double
seconds_of(clockid_t clock)
{
    struct timespec at;
    clock_gettime(clock, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static double
rate(double seconds)
{
    unsigned char public_key[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
    unsigned char signature[crypto_sign_BYTES], message[MESSAGE_OCTETS] = {0};
    double began = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    unsigned long made = 0;
    crypto_sign_keypair(public_key, secret);
    while (seconds_of(CLOCK_MONOTONIC) < began + seconds)
        for (unsigned i = 0; i < BATCH; i++, made++) {
            message[0] = (unsigned char)made;
            crypto_sign_detached(signature, NULL, message, sizeof message, secret);
        }
    return (double)made / (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu);
}

int
main(int count, char **values)
{
    double seconds = count == 3 ? strtod(values[1], NULL) : 0, sum = 0, one;
    unsigned long processes = count == 3 ? strtoul(values[2], NULL, 10) : 0;
    int ends[2];
    if (seconds <= 0 || processes == 0 || processes > PROCESSES_MAX) {
        fprintf(stderr, "usage: sodium_rate SECONDS PROCESSES\n");
        return 2;
    }
    if (sodium_init() < 0 || pipe(ends) != 0)
        return 1;
    for (unsigned long i = 0; i < processes; i++)
        if (fork() == 0) {
            one = rate(seconds);
            _exit(write(ends[1], &one, sizeof one) != sizeof one);
        }
    close(ends[1]);
    unsigned long heard = 0;
    for (; read(ends[0], &one, sizeof one) == sizeof one; heard++)
        sum += one;
    while (wait(NULL) > 0)
        ;
    printf("%.1f\n", sum);
    return heard == processes ? 0 : 1;
}
