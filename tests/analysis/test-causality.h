#pragma once

/* Cases of the other files of test-causality. */
void add_turn_tests (void);
void add_kl_tests (void);
