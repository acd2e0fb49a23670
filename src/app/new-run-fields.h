/* The numbers of a training run as a form: one row a hyper-parameter, named as in the papers, with what it is for. */
#pragma once

#include <adwaita.h>

#include "trainer.h"

typedef enum
{
  CS_FIELD_SIZE,
  CS_FIELD_U64,
  CS_FIELD_UNSIGNED,
  CS_FIELD_REAL,
  CS_FIELD_BOOL,
} CsFieldKind;

typedef enum
{
  CS_FIELDS_DICTIONARY,
  CS_FIELDS_SPARSITY,
  CS_FIELDS_OPTIMISER,
  CS_FIELDS_SCHEDULE,
  CS_FIELDS_LOGGING,
} CsFieldGroup;
#define CS_N_FIELD_GROUPS 5

typedef struct
{
  const char *title, *why; /* translatable */
  CsFieldGroup group;
  CsFieldKind kind;
  size_t offset; /* in CsTrainConfig */
  double low, high, step;
  unsigned digits;
  unsigned variants; /* bits 1 << CsVariant that heed it */
  bool advanced;     /* behind an expander */
} CsRunField;

/* Static; *n_fields of them. */
const CsRunField *cs_run_fields (size_t *n_fields);
const char *cs_run_field_group_title (CsFieldGroup group);

double cs_run_field_get (const CsRunField *field, const CsTrainConfig *config);
void cs_run_field_set (const CsRunField *field, CsTrainConfig *config, double value);
