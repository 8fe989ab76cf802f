output "role_arn" {
  description = "The assume_role of the instance in the Agent's conf.yaml."
  value       = aws_iam_role.this.arn
}
