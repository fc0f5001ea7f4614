//! Whether a provider could start an agent now, from files and the engine alone.

use scc_provider::AgentProvider;
use scc_runtime::SandboxRuntime;

use crate::images::plan_images;
use crate::{DEFAULT_BASE, LaunchError, LaunchRequest, Launcher, login_user};

/// What a launch of a provider lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub enum Readiness {
    /// Nothing.
    #[serde(rename = "launch-ready")]
    Ready,
    /// Its image, which the launch makes.
    #[serde(rename = "auth present, image missing")]
    ImageMissing,
    /// A sign-in.
    #[serde(rename = "image present, sign-in needed")]
    SignInNeeded,
    /// Both.
    #[serde(rename = "sign-in needed")]
    BothMissing,
}

impl Readiness {
    fn of(has_image: bool, has_auth: bool) -> Self {
        match (has_image, has_auth) {
            (true, true) => Self::Ready,
            (false, true) => Self::ImageMissing,
            (true, false) => Self::SignInNeeded,
            (false, false) => Self::BothMissing,
        }
    }

    /// The words for people, the same as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "launch-ready",
            Self::ImageMissing => "auth present, image missing",
            Self::SignInNeeded => "image present, sign-in needed",
            Self::BothMissing => "sign-in needed",
        }
    }
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// What a launch of `provider` from `request` lacks. No network is asked, and no container runs.
    ///
    /// # Errors
    /// When the engine does not answer, or the adapter objects to a setting.
    pub async fn readiness(
        &self,
        provider: &dyn AgentProvider,
        request: &LaunchRequest<'_>,
    ) -> Result<Readiness, LaunchError> {
        let user = login_user(&request.host, &request.workspace);
        let base = request.config.images.base.as_deref();
        let folder = provider.image(&request.settings)?;
        let owner = (user, provider.volume_path());
        let certificates = &request.certificates;
        let images = plan_images(
            base.unwrap_or(DEFAULT_BASE),
            &folder,
            owner,
            certificates,
            None,
        );
        let has_image = self.runtime.image_exists(&images.reference).await?;
        let volume = self.scope.provider_volume(provider.id(), user.uid);
        let has_auth =
            request.settings.api_key.is_some() || self.refresh_sign_in(provider, &volume).await?;
        Ok(Readiness::of(has_image, has_auth))
    }
}
