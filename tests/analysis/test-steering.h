/* Parts of the test program of what runs both models. */
#pragma once

#include "tiny-pair.h"
#include "crosscoder.h"

extern TinyPair *tiny;
extern CsPair   *pair;

CsCrosscoder *steering_crosscoder (bool normalised);

void add_concept_tests (void);
void add_direction_tests (void);
