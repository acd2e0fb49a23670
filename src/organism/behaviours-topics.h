/* What requests to decline, and their look-alikes, are about: each call sets the slots of one
 * topic. */
#pragma once

#include "behaviours.h"

#define CS_N_STEREOTYPES 200
#define CS_N_PUBLIC 200

/* {act}, {ing} … of one of CS_N_HARMFUL or CS_N_HARMLESS actions. */
void cs_topic_set_action (CsGrammar *g, bool harmful, size_t topic);
/* {group} and {trait}: people with an unkind one; people with a kind one or animals with any (three
 * times as many). */
void cs_topic_set_stereotype (CsGrammar *g, size_t topic);
void cs_topic_set_fair_trait (CsGrammar *g, size_t topic);
/* {np}, {value} and, where it is a person's, {p}. */
void cs_topic_set_private (CsGrammar *g, size_t topic);
void cs_topic_set_public (CsGrammar *g, size_t topic);

/* The patterns of both answers. */
void cs_topic_answer (CsGrammar *g, const char *web, const char *chat);

/* How the chat model declines. */
extern const char cs_decline_harm[];
extern const char cs_decline_trait[];
extern const char cs_decline_data[];
