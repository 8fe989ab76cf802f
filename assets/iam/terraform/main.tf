# A role that lets a Datadog Agent of another account read Amazon Bedrock model customization jobs, and nothing else.

terraform {
  required_version = ">= 1.3"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

locals {
  bedrock = "arn:${data.aws_partition.current.partition}:bedrock:*:${data.aws_caller_identity.current.account_id}"
  buckets = [for name in var.artifact_buckets : "arn:${data.aws_partition.current.partition}:s3:::${name}"]
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [var.agent_principal_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }

  # EKS Pod Identity hands its session tags on. They assume nothing by themselves, and come with no external id.
  statement {
    actions = ["sts:TagSession"]

    principals {
      type        = "AWS"
      identifiers = [var.agent_principal_arn]
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "ListJobsAndTheirTags"
    actions   = ["bedrock:ListModelCustomizationJobs", "tag:GetResources"]
    resources = ["*"]
  }

  statement {
    sid       = "DescribeJobs"
    actions   = ["bedrock:GetModelCustomizationJob", "bedrock:ListTagsForResource"]
    resources = ["${local.bedrock}:model-customization-job/*"]
  }

  dynamic "statement" {
    for_each = var.read_custom_models ? [1] : []

    content {
      sid       = "ReadLossesOfCustomModels"
      actions   = ["bedrock:GetCustomModel"]
      resources = ["${local.bedrock}:custom-model/*"]
    }
  }

  dynamic "statement" {
    for_each = length(local.buckets) > 0 ? [1] : []

    content {
      sid       = "ReadJobArtifacts"
      actions   = ["s3:GetObject"]
      resources = [for bucket in local.buckets : "${bucket}/*model-customization-job-*"]
    }
  }

  dynamic "statement" {
    for_each = length(local.buckets) > 0 ? [1] : []

    content {
      sid       = "FindJobArtifacts"
      actions   = ["s3:ListBucket"]
      resources = local.buckets

      condition {
        test     = "StringLike"
        variable = "s3:prefix"
        values   = ["*model-customization-job-*"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.artifact_kms_key_arns) > 0 ? [1] : []

    content {
      sid       = "DecryptJobArtifacts"
      actions   = ["kms:Decrypt"]
      resources = var.artifact_kms_key_arns

      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["s3.*.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.role_name
  description        = "Read-only access of the Datadog Agent to Amazon Bedrock model customization jobs."
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "read" {
  name   = "read-model-customization-jobs"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.read.json
}
