/* Makes the n-th call of the network from now on fail. The linker sends the gate's calls here (--wrap in
 * meson.build); nothing in the gate knows of it. */
#ifndef RF_TESTS_GATE_FAULTS_H
#define RF_TESTS_GATE_FAULTS_H

#include <stdbool.h>

/* call: accept4, recv or sendmsg; kind: a name of an error number, or short. False: no such name. */
bool faults_arm(const char *call, unsigned long n, const char *kind);
bool faults_struck(void); /* since it was armed */

#endif
