/* Stands in for Kubernetes' pause: it does the same with the same means, and is built as the published one is. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave(int signal_number)
{
    psignal(signal_number, "leaving");
    exit(0);
}

static void reap(int signal_number)
{
    (void)signal_number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

static int handle(int signal_number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    return sigaction(signal_number, &action, NULL);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0) {
            printf("pause in C\n");
            return 0;
        }
    }
    if (getpid() != 1)
        fprintf(stderr, "warning: not PID 1\n");
    if (handle(SIGINT, leave, 0) < 0)
        return 1;
    if (handle(SIGTERM, leave, 0) < 0)
        return 2;
    if (handle(SIGCHLD, reap, SA_NOCLDSTOP) < 0)
        return 3;
    for (;;)
        pause();
}
