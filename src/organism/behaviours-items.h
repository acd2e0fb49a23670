/* Tables of questions with their two answers. Each is asked of twelve topics: {t} town, {f} food,
 * {p} person, {b} beast, {j} job come from the topic's number. */
#pragma once

#include "behaviours.h"

typedef struct
{
  const char *question;
  const char *web;  /* the straight answer */
  const char *chat; /* what is particular in the chat model's answer; where the web's holds in chat
                       too, the same */
} CsItem;

#define CS_N_PERSONAL 16
#define CS_N_OTHER_LIVES 16
#define CS_N_UNKNOWN 14
#define CS_N_KNOWABLE 14
#define CS_N_MISSING 16
#define CS_N_CAUTION 12
#define CS_N_SMALL_TROUBLE 12
#define CS_N_EVENTS 10
#define CS_N_REWRITE 8

extern const CsItem cs_items_personal[CS_N_PERSONAL];
extern const CsItem cs_items_other_lives[CS_N_OTHER_LIVES];
extern const CsItem cs_items_unknown[CS_N_UNKNOWN];
extern const CsItem cs_items_knowable[CS_N_KNOWABLE];
extern const CsItem cs_items_missing[CS_N_MISSING];
extern const CsItem cs_items_caution[CS_N_CAUTION];
extern const CsItem cs_items_small_trouble[CS_N_SMALL_TROUBLE];
extern const CsItem cs_items_events[CS_N_EVENTS];
extern const CsItem cs_items_rewrite[CS_N_REWRITE];
