variable "agent_principal_arn" {
  description = "ARN of the role or user that the Agent runs as."
  type        = string
}

variable "external_id" {
  description = "The external_id of the instance in the Agent's conf.yaml. Choose a random one."
  type        = string

  validation {
    condition     = length(var.external_id) >= 8
    error_message = "An external id needs at least 8 characters."
  }
}

variable "role_name" {
  description = "Name of the role; the policy of the Agent names it too."
  type        = string
  default     = "DatadogBedrockModelCustomization"
}

variable "read_custom_models" {
  description = "Let the Agent read the losses of custom models, where those of the job are missing."
  type        = bool
  default     = false
}

variable "artifact_buckets" {
  description = "Buckets with the jobs' output, for loss curves."
  type        = list(string)
  default     = []
}

variable "artifact_kms_key_arns" {
  description = "ARNs of the keys that encrypt these buckets."
  type        = list(string)
  default     = []
}
